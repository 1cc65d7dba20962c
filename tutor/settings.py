"""Every setting, with a default that runs on one machine. The environment chooses; docs/operations.md lists it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured


def env_str(name: str, default: str = "") -> str:
    """The variable without white space around it."""
    return os.environ.get(name, default).strip()


def env_bool(name: str, default: bool = False) -> bool:
    """1, true, yes, on against 0, false, no, off."""
    value = env_str(name).lower()
    if value in ("", "0", "false", "no", "off", "1", "true", "yes", "on"):
        return default if value == "" else value in ("1", "true", "yes", "on")
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def env_int(name: str, default: int) -> int:
    """A whole number."""
    value = env_str(name)
    try:
        return int(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None


def env_list(name: str, default: str = "") -> list[str]:
    """Items between commas."""
    return [item.strip() for item in env_str(name, default).split(",") if item.strip()]


BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env_str("LYCEUM_DATA") or BASE_DIR / "var")
MODELS_DIR = Path(env_str("LYCEUM_MODELS") or BASE_DIR / "var" / "models")
DATA_DIR.mkdir(parents=True, exist_ok=True)


def secret_key() -> str:
    """SECRET_KEY, or one made at the first start and kept beside the data."""
    given = env_str("SECRET_KEY")
    if given:
        return given
    path = DATA_DIR / "secret-key"
    if not path.exists():
        draft = path.with_name(f"secret-key.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        try:
            os.link(draft, path)  # the first of two processes wins
        except FileExistsError:
            pass
        draft.unlink()
    return path.read_text()


SECRET_KEY = secret_key()
DEBUG = env_bool("DEBUG")
DEMO = env_bool("LYCEUM_DEMO")
SITE_URL = env_str("SITE_URL", "http://localhost:8000").rstrip("/")
HTTPS = SITE_URL.startswith("https://")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = [SITE_URL]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "axes",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "tutor",
    "tutor.accounts",
    "tutor.llm",
    "courses",
    "tutor.chat",
    "tutor.practice",
    "tutor.classrooms",
    "coach",
    "tutor.studio",
    "tutor.dashboard",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tutor.accounts.middleware.SignInRequired",  # a page is open to strangers only if it says so
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "tutor.urls"
ASGI_APPLICATION = "tutor.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "courses.access.course_context",
                "tutor.accounts.context.sign_in",
                "tutor.chat.staff_questions.counts",
                "tutor.studio.context.exercises",
                "coach.context.coaching",
            ]
        },
    }
]

# Database: SQLite in WAL mode, or what DATABASE_URL names.
DATABASES = {
    "default": dj_database_url.parse(
        env_str("DATABASE_URL") or f"sqlite:///{DATA_DIR / 'lyceum.sqlite3'}",
        conn_max_age=60,
        conn_health_checks=True,
    )
}
SQLITE = DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
if SQLITE:
    # A file, as the real thing: a server that a test starts sees it, and so do threads that write at the same time.
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / f"test-{os.getpid()}.sqlite3"}
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=30000;",
    }
SILENCED_SYSTEM_CHECKS = [
    "models.W047"
]  # one quota each is held by the database on PostgreSQL, by the form on SQLite
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Channel layer and cache: in the process, or Redis.
REDIS_URL = env_str("REDIS_URL")
CHANNEL_LAYERS: dict[str, Any] = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DATA_DIR / "cache",
    }
}
if REDIS_URL:
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL]},
    }
    CACHES["default"] = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}

# Jobs
CELERY_BROKER_URL = env_str("BROKER_URL", "filesystem://")
if CELERY_BROKER_URL == "filesystem://":
    broker = DATA_DIR / "broker"
    for folder in ("messages", "control", "processed"):
        (broker / folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(broker / "messages"),
        "data_folder_out": str(broker / "messages"),
        "control_folder": str(broker / "control"),
        "processed_folder": str(broker / "processed"),
    }
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_DEFAULT_QUEUE = "maintenance"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"

# Models
HOST_PORT = env_int("HOST_PORT", 8001)
HOST_URL = env_str("HOST_URL") or f"http://127.0.0.1:{HOST_PORT}/v1"
HOST_MODEL = "smollm2-135m-instruct"
LLM_BASE_URL = env_str("LLM_BASE_URL")
LLM_MODEL = env_str("LLM_MODEL")
LLM_API_KEY = env_str("LLM_API_KEY")
LLM_CAPABLE = env_bool("LLM_CAPABLE", True)
LLM_VISION = env_bool("LLM_VISION")
EMBEDDINGS = env_str("EMBEDDINGS", "process")  # "process" loads the encoder here, "host" asks the model host
RERANK_URL = env_str("RERANK_URL")  # an optional cross-encoder: the whole address of its /v1/rerank
RERANK_MODEL = env_str("RERANK_MODEL")
RERANK_API_KEY = env_str("RERANK_API_KEY")
WHISPER_MODEL = env_str("WHISPER_MODEL", "whisper-tiny.en")  # a name in the catalog, or a folder

# People
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "tutor.accounts.demo.DemoGuard",
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGOUT_REDIRECT_URL = ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
LOGIN_REDIRECT_URL = "courses:home"
ACCOUNT_ADAPTER = "tutor.accounts.invited.AccountAdapter"
ACCOUNT_SIGNUP_FORM_CLASS = "tutor.accounts.invited.SignupForm"
ACCOUNT_RATE_LIMITS = {
    "login_failed": "20/m/ip"
}  # by name as well it would let strangers lock people out: axes counts pairs
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = env_str("ACCOUNT_EMAIL_VERIFICATION", "optional")
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Lyceum] "
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Lyceum"
MFA_ALLOW_UNVERIFIED_EMAIL = True  # a site without a mail server verifies none
HEALTH_TOKEN = env_str("HEALTH_TOKEN")  # lets a monitor read /site/health.json
QUESTIONS_A_MINUTE = env_int("QUESTIONS_A_MINUTE", 12)  # by one person
WORDS_A_MINUTE = env_int("WORDS_A_MINUTE", 150)  # that a classroom's agents speak at pace 1
SIGNUP_OPEN = env_bool("SIGNUP_OPEN")  # otherwise people join by invitation
SOCIALACCOUNT_ADAPTER = "tutor.accounts.invited.SocialAccountAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = (
    True  # verified addresses only
)
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if env_str("OIDC_CLIENT_ID"):
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "APPS": [
            {
                "provider_id": "oidc",
                "name": env_str("OIDC_NAME", "Single sign-on"),
                "client_id": env_str("OIDC_CLIENT_ID"),
                "secret": env_str("OIDC_SECRET"),
                "settings": {
                    "server_url": env_str("OIDC_SERVER_URL").rstrip("/"),
                    "oauth_pkce_enabled": True,
                    # for a server that does not say it of each address
                    "verified_email": env_bool("OIDC_TRUST_EMAIL"),
                },
            }
        ]
    }
AXES_FAILURE_LIMIT = 6
AXES_COOLOFF_TIME = 1  # hours
AXES_LOCKOUT_PARAMETERS = [["ip_address", "username"]]
AXES_USERNAME_CALLABLE = "tutor.accounts.lockout.login_name"
AXES_LOCKOUT_CALLABLE = "tutor.accounts.lockout.locked_out"
AXES_CLIENT_IP_CALLABLE = "tutor.accounts.audit.address_of"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_ENABLE_ACCESS_FAILURE_LOG = False
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if env_str("EMAIL_HOST")
    else "django.core.mail.backends.console.EmailBackend"
)
EMAIL_HOST = env_str("EMAIL_HOST", "localhost")
EMAIL_PORT = env_int("EMAIL_PORT", 25)
EMAIL_HOST_USER = env_str("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env_str("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS")  # STARTTLS, usually on port 587
EMAIL_USE_SSL = env_bool("EMAIL_USE_SSL")  # TLS from the first byte, usually on port 465
EMAIL_TIMEOUT = 20  # seconds; a server that does not answer must not hold up a worker
DEFAULT_FROM_EMAIL = env_str("DEFAULT_FROM_EMAIL", "lyceum@localhost")

# Secure by default; what only works over https follows SITE_URL.
SESSION_COOKIE_NAME = "lyceum_demo" if DEMO else "lyceum"  # a session of the demo ends with it
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS and not env_bool("TRUST_PROXY")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env_bool("TRUST_PROXY") else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF, "data:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
if env_str("OIDC_SERVER_URL"):  # browsers hold form-action against the redirect to the sign-on as well
    sso = urlsplit(env_str("OIDC_SERVER_URL"))
    CONTENT_SECURITY_POLICY["DIRECTIVES"]["form-action"].append(f"{sso.scheme}://{sso.netloc}")

# Files
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # one command runs it: nothing has to be collected first
MEDIA_ROOT = DATA_DIR / "files"
STORAGES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if env_str("S3_BUCKET"):
    STORAGES["default"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": env_str("S3_BUCKET"),
            "endpoint_url": env_str("S3_ENDPOINT_URL") or None,
            "access_key": env_str("S3_ACCESS_KEY") or None,
            "secret_key": env_str("S3_SECRET_KEY") or None,
            "max_memory_size": 8 * 1024 * 1024,  # what is fetched whole (to be read, backed up) waits on disk
        },
    }
UPLOAD_MAX_BYTES = env_int("UPLOAD_MAX_MB", 2048) * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["courses.uploads.HashingUploadHandler"]
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "uploads"
FILE_UPLOAD_TEMP_DIR.mkdir(exist_ok=True)

LANGUAGE_CODE = "en"
TIME_ZONE = env_str("TIME_ZONE", "UTC")
USE_TZ = True
USE_I18N = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env_str("LOG_LEVEL", "INFO")},
    "loggers": {
        **{name: {"level": "WARNING"} for name in ("httpx", "faiss", "axes")},
        **{name: {"level": "ERROR"} for name in ("django.request", "kombu.connection")},
    },
}
