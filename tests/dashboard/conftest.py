from tests.courses.conftest import cast, fresh_limits

__all__ = ["cast", "fresh_limits"]
