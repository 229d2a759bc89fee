"""Parts of countries by which a tax differs, by the codes that tax offices have for them.

Of India: the codes with which a GSTIN begins (Form GST REG-01; the GST portal's list of states), and which tax a supply
within one has beside the union's: that of a state (the SGST Acts; also of territories with a legislature, CGST Act
s. 2(103)) or that of a union territory (UTGST Act 2017; CGST Act s. 2(114)).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.core.rows import Value

INDIA = "IN"
UNION, BETWEEN = "CGST", "IGST"
"""The union's tax within a state, and between two."""
OF_STATE, OF_TERRITORY = "SGST", "UTGST"
TERRITORIES = frozenset({"04", "25", "26", "31", "35", "38", "97"})
"""Without a legislature. 25 is a part of 26 since 26 January 2020."""


@dataclass(frozen=True, slots=True)
class State(Value):
    """A state or territory of India: the code, the name, and what its own part of the tax is called."""

    code: str
    name: str

    @property
    def tax(self) -> str:
        return OF_TERRITORY if self.code in TERRITORIES else OF_STATE

    @property
    def said(self) -> str:
        return f"{self.name} ({self.code})"


_NAMES = {
    "01": "Jammu and Kashmir",
    "02": "Himachal Pradesh",
    "03": "Punjab",
    "04": "Chandigarh",
    "05": "Uttarakhand",
    "06": "Haryana",
    "07": "Delhi",
    "08": "Rajasthan",
    "09": "Uttar Pradesh",
    "10": "Bihar",
    "11": "Sikkim",
    "12": "Arunachal Pradesh",
    "13": "Nagaland",
    "14": "Manipur",
    "15": "Mizoram",
    "16": "Tripura",
    "17": "Meghalaya",
    "18": "Assam",
    "19": "West Bengal",
    "20": "Jharkhand",
    "21": "Odisha",
    "22": "Chhattisgarh",
    "23": "Madhya Pradesh",
    "24": "Gujarat",
    "25": "Daman and Diu",
    "26": "Dadra and Nagar Haveli and Daman and Diu",
    "27": "Maharashtra",
    "28": "Andhra Pradesh (before 2014)",
    "29": "Karnataka",
    "30": "Goa",
    "31": "Lakshadweep",
    "32": "Kerala",
    "33": "Tamil Nadu",
    "34": "Puducherry",
    "35": "Andaman and Nicobar Islands",
    "36": "Telangana",
    "37": "Andhra Pradesh",
    "38": "Ladakh",
    "97": "Other Territory",
}
STATES: Mapping[str, State] = {code: State(code, name) for code, name in _NAMES.items()}
"""Of India, by their codes."""
