"""A name server of the tests' own: real answers over UDP, by a table."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from dns.asyncresolver import Resolver

Records = list[tuple[str, str]]
"""Types and values."""


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Answers by `names`; those of `flipping` answer so after the first time."""

    names: dict[str, Records] = field(default_factory=dict)
    flipping: dict[str, Records] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.DatagramTransport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        [question] = query.question
        name = question.name.to_text(omit_final_dot=True)
        again = f"{name} {dns.rdatatype.to_text(question.rdtype)}" in self.asked
        self.asked.append(f"{name} {dns.rdatatype.to_text(question.rdtype)}")
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        table = self.flipping if again and name in self.flipping else self.names
        if name not in table:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._fill(answer, name, question.rdtype, table)
        self.transport.sendto(answer.to_wire(), addr)

    def _fill(self, answer: dns.message.Message, name: str, kind: int, table: dict[str, Records]) -> None:
        """The records of a name, and of what it is another name of."""
        for type, value in table.get(name, []):
            if type == "CNAME" or dns.rdatatype.from_text(type) == kind:
                answer.answer.append(dns.rrset.from_text(f"{name}.", 0, "IN", type, value))
            if type == "CNAME":
                self._fill(answer, value.rstrip("."), kind, table)

    def resolver(self) -> Resolver:
        """What asks this server and no other."""
        resolver = Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], self.port
        return resolver


@asynccontextmanager
async def name_server(names: dict[str, Records]) -> AsyncIterator[NameServer]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(names), local_addr=("127.0.0.1", 0)
    )
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()
