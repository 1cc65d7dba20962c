"""The people of the demo, and the guard that keeps their published passwords out of a real site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

DOMAIN = "lyceum.example"


@dataclass(frozen=True)
class DemoUser:
    """One demo login. `role` is the role in the demo course, if it has one."""

    email: str
    name: str
    password: str
    role: str = ""
    admin: bool = False
    coach: bool = False


DEMO_USERS = [
    DemoUser(f"admin@{DOMAIN}", "Ada Admin", "demo-admin", admin=True),
    DemoUser(f"instructor@{DOMAIN}", "Iris Instructor", "demo-instructor", role="instructor"),
    DemoUser(f"staff@{DOMAIN}", "Theo Assistant", "demo-staff", role="staff"),
    DemoUser(f"student@{DOMAIN}", "Sam Student", "demo-student", role="student"),
    DemoUser(f"teacher@{DOMAIN}", "Nora Okafor", "demo-teacher"),
    DemoUser(f"coach@{DOMAIN}", "Cora Coach", "demo-coach", coach=True),
]
PASSWORDS = {person.password for person in DEMO_USERS}


class DemoGuard:
    """Authentication backend that comes first and refuses the demo's passwords outside the demo (LYCEUM_DEMO=0)."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Let nobody in; raise PermissionDenied, which ends the sign-in, for a demo login on a real site."""
        login = str(credentials.get("email") or credentials.get("username") or "").lower()
        if not settings.DEMO and login.endswith(f"@{DOMAIN}") and credentials.get("password") in PASSWORDS:
            raise PermissionDenied("Demo logins work only with LYCEUM_DEMO=1.")
