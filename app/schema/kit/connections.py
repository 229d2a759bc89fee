"""Relay's connections, over the pages that services answer."""

from typing import Generic, TypeVar

import strawberry

N = TypeVar("N")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="A member of a list, and the cursor that stands at it.")
class Edge(Generic[N]):
    cursor: str
    node: N


@strawberry.type(description="One page of a list.")
class Connection(Generic[N]):
    edges: list[Edge[N]]
    nodes: list[N]
    page_info: PageInfo
