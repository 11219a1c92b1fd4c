"""The composition root. Every environment variable is read in `Environment`, and nowhere else."""

from __future__ import annotations

import os
import secrets
import sys
from base64 import b64decode
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from babel import Locale
from celery.schedules import crontab

BASE_DIR = Path(__file__).resolve().parent.parent

FULFILMENT_BYTES = 24
# By what each mail provider shows that it is itself; `gateways/provider_events.py` reads these.
MAIL_PROOFS = {"brevo": "MAIL_PROVIDER_SECRET", "mailgun": "MAIL_PROVIDER_SIGNING_KEY"}


def refuse(name: str, remedy: str) -> None:
    """End with one line that names the variable."""
    sys.exit(f"{name}: {remedy}")


def read(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


VAR_DIR = Path(read("VAR_DIR") or BASE_DIR / "var")  # what the embedded default keeps: database, mails, journal


def read_url(name: str, default: str, schemes: tuple[str, ...]) -> str:
    value = read(name, default)
    if urlsplit(value).scheme not in schemes:
        refuse(name, f"{value!r} is not a URL that starts with {', '.join(schemes)}")
    return value


def read_optional_url(name: str) -> str:
    """An http or https URL; empty where none is given."""
    return read_url(name, "", ("http", "https")) if read(name) else ""


def read_number(name: str, default: int) -> int:
    value = read(name, str(default))
    if not value.isdecimal():
        refuse(name, f"{value!r} is not a whole number")
    return int(value)


def read_secret_key(*, is_embedded: bool) -> str:
    """SECRET_KEY; the embedded default makes one at the first start and keeps it in var/."""
    given = read("SECRET_KEY")
    if given or not is_embedded:
        if len(given) < 50:
            refuse("SECRET_KEY", "give at least 50 random characters")
        return given
    VAR_DIR.mkdir(exist_ok=True)
    kept = VAR_DIR / "secret-key"
    try:
        with open(kept, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(secrets.token_urlsafe(64))
    except FileExistsError:
        pass
    return kept.read_text()


def read_database(*, is_embedded: bool) -> dict[str, object]:
    if is_embedded:
        VAR_DIR.mkdir(exist_ok=True)
    url = read_url("DATABASE_URL", f"sqlite:///{VAR_DIR / 'db.sqlite3'}", ("sqlite", "postgres", "postgresql"))
    try:
        database: dict[str, object] = dict(dj_database_url.parse(url))
    except (ValueError, KeyError) as error:
        refuse("DATABASE_URL", f"cannot be read: {error}")
    if url.startswith("sqlite"):
        pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
        database["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": pragmas}
    else:
        database |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
        database["OPTIONS"] = {**dict(database.get("OPTIONS") or {}), "connect_timeout": 5}  # type: ignore[call-overload]
    return database


def read_stripe_key() -> str:
    """STRIPE_SECRET_KEY. A live key moves real money: only in a shop with https, a database and Stripe of its own."""
    key = read("STRIPE_SECRET_KEY")
    if key and not key.startswith(("sk_test_", "rk_test_", "sk_live_", "rk_live_")):
        refuse("STRIPE_SECRET_KEY", "is no secret key of Stripe's (sk_test_… or sk_live_…)")
    is_sandbox = IS_EMBEDDED or STRIPE_API_BASE or not read("SITE_URL").startswith("https://")
    if "_live_" in key and is_sandbox:
        refuse("STRIPE_SECRET_KEY", "a live key is refused here: it needs DATABASE_URL, an https SITE_URL and Stripe")
    if key and not read("STRIPE_WEBHOOK_SECRET"):
        refuse("STRIPE_WEBHOOK_SECRET", "give the secret (whsec_…) of the endpoint that Stripe sends its events to")
    return key


def read_mail_provider() -> str:
    """MAIL_PROVIDER, who tells by webhook what became of mails; and that it can show who it is."""
    provider = read("MAIL_PROVIDER")
    if provider and provider not in MAIL_PROOFS:
        refuse("MAIL_PROVIDER", f"{provider!r} is none of {', '.join(MAIL_PROOFS)}")
    if provider and not read(MAIL_PROOFS[provider]):
        refuse(MAIL_PROOFS[provider], f"give it: without it anybody could tell us what {provider} tells")
    return provider


def read_fulfilment_secret() -> str:
    """FULFILMENT_SECRET, in base64, with or without whsec_ before."""
    secret = read("FULFILMENT_SECRET")
    try:
        is_good = len(b64decode(secret.removeprefix("whsec_"), validate=True)) >= FULFILMENT_BYTES
    except ValueError:
        is_good = False
    if FULFILMENT_URL and not is_good:
        refuse("FULFILMENT_SECRET", f"give {FULFILMENT_BYTES} or more random bytes in base64")
    return secret


# --- environment ---------------------------------------------------------------------------------------------------
IS_EMBEDDED = not read("DATABASE_URL")
PORT = read_number("PORT", 8000)
SITE_URL = read_url("SITE_URL", f"http://localhost:{PORT}", ("http", "https")).rstrip("/")
SECRET_KEY = read_secret_key(is_embedded=IS_EMBEDDED)
ALLOWED_HOSTS = read("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
DATABASES = {"default": read_database(is_embedded=IS_EMBEDDED)}
REDIS_URL = read_url("REDIS_URL", "redis://127.0.0.1:6379/0", ("redis", "rediss", "unix"))
CELERY_BROKER_URL = read_url("CELERY_BROKER_URL", REDIS_URL, ("redis", "rediss", "amqp", "amqps"))
EMAIL_URL = read_url("EMAIL_URL", f"mailbox://{VAR_DIR / 'mailbox'}", ("mailbox", "smtp", "smtps"))
EMAIL_SENDER = read("EMAIL_SENDER", "Qianwen <reservations@qianwen.example>")
# Without a key nothing can be paid; `make run` starts the stand-in and gives its key and address.
STRIPE_API_BASE = read_optional_url("STRIPE_API_BASE").rstrip("/")
STRIPE_SECRET_KEY = read_stripe_key()
STRIPE_PUBLISHABLE_KEY = read("STRIPE_PUBLISHABLE_KEY")  # not needed: Stripe's own pages take the payment
STRIPE_WEBHOOK_SECRETS = [word for word in read("STRIPE_WEBHOOK_SECRET").split(",") if word]  # two while one changes
STRIPE_TIMEOUT_SECONDS = read_number("STRIPE_TIMEOUT_SECONDS", 20)
MONEY_LEASE_SECONDS = read_number("MONEY_LEASE_SECONDS", 60)  # a worker that dies over an event leaves it after these
MONEY_RETRY_SECONDS = read_number("MONEY_RETRY_SECONDS", 15)  # before Stripe is asked again; doubled each time
FULFILMENT_URL = read_optional_url("FULFILMENT_URL")  # is told of each paid order, once
FULFILMENT_SECRET = read_fulfilment_secret()
COUNTRY_HEADER = read("COUNTRY_HEADER")  # set only behind a proxy that overwrites it, such as CF-IPCountry
EMAIL_PER_SECOND = read_number("EMAIL_PER_SECOND", 0) or None  # what the mail provider takes; 0: any number
SMS_MAIL_DOMAIN = read("SMS_MAIL_DOMAIN")  # sends a mail to <number>@here as a text message
MAIL_PROVIDER = read_mail_provider()
ANYMAIL = {
    "WEBHOOK_SECRET": [word for word in read("MAIL_PROVIDER_SECRET").split(",") if word],  # user:password in the URL
    "MAILGUN_WEBHOOK_SIGNING_KEY": read("MAIL_PROVIDER_SIGNING_KEY"),
}
OUTBOX_QUEUED_SECONDS = read_number("OUTBOX_QUEUED_SECONDS", 30)
OUTBOX_LEASE_SECONDS = read_number("OUTBOX_LEASE_SECONDS", 60)
API_REQUESTS_PER_MINUTE = read_number("API_REQUESTS_PER_MINUTE", 600)
WAITING_ROOM_AWAY_SECONDS = read_number("WAITING_ROOM_AWAY_SECONDS", 60)  # unseen for longer: passed over
WAITING_ROOM_PATIENCE_SECONDS = read_number("WAITING_ROOM_PATIENCE_SECONDS", 20)  # instead of a proof of work
WAITING_ROOM_PASS_SECONDS = read_number("WAITING_ROOM_PASS_SECONDS", 600)  # how long a turn lasts
# -------------------------------------------------------------------------------------------------------------------

DEBUG = False
HAS_NO_REAL_MONEY = "_test_" in STRIPE_SECRET_KEY
IS_SECURE = SITE_URL.startswith("https://")
MAILBOX_DIR = Path(urlsplit(EMAIL_URL).path) if EMAIL_URL.startswith("mailbox:") else None
OUTBOX_JOURNAL_DIR = VAR_DIR / "journal"
DOCUMENTS_DIR = VAR_DIR / "documents"  # of evidence; no URL reaches it

INSTALLED_APPS = [
    "storefront.desk.apps.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_countries",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "reservations",
    "storefront.web",
    "storefront.api",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "storefront.web.middleware.BodyLimit",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "storefront.web.middleware.DatabaseAway",
]
# Under /api/v1/ there are no cookies, forms, sessions, pages or static files: see `wsgi.py`.
API_MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "storefront.web.middleware.BodyLimit"]
ROOT_URLCONF = "storefront.urls"
WSGI_APPLICATION = "storefront.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# A language is a file: locale/<name>/LC_MESSAGES/django.po. English is the source.
LANGUAGE_CODE = "en"
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGES = [("en", "English")] + [
    (
        folder.parent.parent.name.replace("_", "-").lower(),
        str(Locale.parse(folder.parent.parent.name).get_display_name()),
    )
    for folder in sorted((BASE_DIR / "locale").glob("*/LC_MESSAGES/django.po"))
]
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

WHITENOISE_KEEP_ONLY_HASHED_FILES = True
# Compressed already, or read by nobody but a developer.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("avif", "webp", "jpg", "jpeg", "png", "gif", "zip", "gz", "br", "woff2", "map")

SHELF = True  # finished answers are kept in the process (`shelf.py`)
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000  # a launch has a window for every market

CSRF_TRUSTED_ORIGINS = [SITE_URL]
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "storefront.web.pages.forbidden"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_SECURE
SECURE_SSL_REDIRECT = IS_SECURE
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_SECURE else None
SECURE_HSTS_SECONDS = 31_536_000 if IS_SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_SECURE
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "connect-src": ["'self'", "blob:"],
        "worker-src": ["'self'", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        # A form of ours leads to the page on which is paid: browsers follow the redirect only to what is named here.
        "form-action": ["'self'", STRIPE_API_BASE or "https://checkout.stripe.com"],
        "frame-ancestors": ["'none'"],
    }
}

CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600, "socket_timeout": 5, "socket_connect_timeout": 5}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# A queue and a worker of its own (`make run` and compose.yaml start it): the relay must not wait behind the mails.
CELERY_TASK_ROUTES = {name: {"queue": "relay"} for name in ("reservations.relay_outbox", "reservations.sweep_outbox")}
CELERY_BEAT_SCHEDULE = {
    "relay the outbox": {"task": "reservations.relay_outbox", "schedule": 1.0, "options": {"expires": 5}},
    "sweep the outbox": {"task": "reservations.sweep_outbox", "schedule": 5.0, "options": {"expires": 10}},
    "sweep the gate": {"task": "reservations.sweep_gate", "schedule": 2.0, "options": {"expires": 4}},
    "follow invitations": {"task": "reservations.follow_invitations", "schedule": 10.0, "options": {"expires": 10}},
    "end unanswered": {
        "task": "reservations.cancel_unanswered_delays",
        "schedule": 3600.0,
        "options": {"expires": 1800},
    },
    "tell who asked": {"task": "reservations.tell_opened", "schedule": 30.0, "options": {"expires": 30}},
    "warn of expiry": {"task": "reservations.warn_of_expiry", "schedule": 3600.0, "options": {"expires": 1800}},
    "check the books": {"task": "reservations.check_invariants", "schedule": 3600.0, "options": {"expires": 1800}},
    "work on money": {"task": "reservations.work_on_money", "schedule": 1.0, "options": {"expires": 3}},
    "hand orders over": {"task": "reservations.hand_orders_over", "schedule": 10.0, "options": {"expires": 10}},
    "reconcile": {
        "task": "reservations.reconcile",
        "schedule": crontab(hour=3, minute=17),
        "options": {"expires": 1800},
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "storefront.api.problems.answer",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Launch reservations API",
    "DESCRIPTION": "Markets, products, availability and reservations. Errors are RFC 9457 problem details.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"reservations": {"level": "INFO"}, "storefront": {"level": "INFO"}},
}
