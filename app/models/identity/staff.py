"""What the platform's own staff is for, and what each of its roles allows."""

from collections.abc import Mapping
from enum import StrEnum


class Duty(StrEnum):
    OPERATIONS_READ = "platform.operations.read"
    OPERATIONS_CONTROL = "platform.operations.control"
    MONEY_READ = "platform.money.read"
    ORGANIZATIONS_READ = "platform.organizations.read"
    ORGANIZATIONS_SUSPEND = "platform.organizations.suspend"
    AUDIT_READ = "platform.audit.read"
    LIMITS_SET = "platform.limits.set"
    NETWORKS_SET = "platform.networks.set"
    LEGAL_PUBLISH = "platform.legal.publish"
    IMPERSONATE = "platform.impersonate"
    ACCOUNTS_RECOVER = "platform.accounts.recover"
    BILLING_READ = "platform.billing.read"
    BILLING_MANAGE = "platform.billing.manage"


class StaffRole(StrEnum):
    SUPPORT = "support"
    FINANCE = "finance"
    SECURITY = "security"
    ADMIN = "admin"


DUTIES: Mapping[StaffRole, frozenset[Duty]] = {
    StaffRole.SUPPORT: frozenset({Duty.OPERATIONS_READ, Duty.ORGANIZATIONS_READ, Duty.IMPERSONATE}),
    StaffRole.FINANCE: frozenset(
        {Duty.ORGANIZATIONS_READ, Duty.LIMITS_SET, Duty.MONEY_READ, Duty.BILLING_READ, Duty.BILLING_MANAGE}
    ),
    StaffRole.SECURITY: frozenset(
        {
            Duty.OPERATIONS_READ,
            Duty.ORGANIZATIONS_READ,
            Duty.ORGANIZATIONS_SUSPEND,
            Duty.AUDIT_READ,
            Duty.NETWORKS_SET,
            Duty.ACCOUNTS_RECOVER,
        }
    ),
    StaffRole.ADMIN: frozenset(Duty),
}
"""What each role may do, across all organizations; none of it is done inside one."""
