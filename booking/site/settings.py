"""The one settings file. Everything that differs between places comes from the environment.

Each variable is described in docs/settings.md, and a test holds that table against this file. A value that cannot be
read stops the program with a sentence instead of being guessed at.
"""

import re
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import django_stubs_ext
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate

# Lets forms and admin classes name their model as a type argument, as they do for the type checker.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parents[2]
env = Env(eager=True)


def _words(given: list[str]) -> list[str]:
    """What stands between the commas of a list."""
    return [word.strip() for word in given if word.strip()]


def _address(url: str) -> SplitResult | None:
    """The parts of a URL, or None when it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # read only now, and a ValueError when it is no number
    except ValueError:
        return None
    return parts


CINTIMA_ENV = env.str(
    "CINTIMA_ENV",
    "development",
    validate=validate.OneOf(["development", "production"], error="It must be development or production."),
)
PRODUCTION = CINTIMA_ENV == "production"
DEBUG = False
HOST = env.str("HOST", "127.0.0.1")
PORT = env.int("PORT", 8000, validate=validate.Range(1, 65535))

# -- secrets and addresses ---------------------------------------------------------------------------------------------
_DEVELOPMENT_KEY = "development-only-key-that-production-refuses-0123456789"
SECRET_KEY = env.str("SECRET_KEY", "" if PRODUCTION else _DEVELOPMENT_KEY)
if PRODUCTION and (len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 12 or SECRET_KEY == _DEVELOPMENT_KEY):
    raise ImproperlyConfigured(
        "SECRET_KEY is missing or weak. Set it to at least 50 random characters, for example the output of: "
        "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
    )
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is empty. Leave it out to use the one for development.")
SECRET_KEY_FALLBACKS = _words(env.list("SECRET_KEY_FALLBACKS", []))
SITE_URL = env.str("SITE_URL", "" if PRODUCTION else f"http://localhost:{PORT}").rstrip("/")
_site = _address(SITE_URL)
if (
    _site is None
    or _site.scheme not in ({"https"} if PRODUCTION else {"http", "https"})
    or not _site.hostname
    or f"{_site.scheme}://{_site.netloc}" != SITE_URL
    or "@" in _site.netloc
):
    raise ImproperlyConfigured(
        "SITE_URL must be the address people use, without a path, such as https://booking.example.org"
        + (": in production it begins with https." if PRODUCTION else ".")
    )
SITE_HOST = _site.hostname
ALLOWED_HOSTS = _words(env.list("ALLOWED_HOSTS", [SITE_HOST] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"]))
if not ALLOWED_HOSTS or (PRODUCTION and "*" in ALLOWED_HOSTS):
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts; * would let anyone forge links in e-mails.")
CSRF_TRUSTED_ORIGINS = [SITE_URL]
# The host part of every calendar UID. It must never change once people have subscribed (RFC 5545, 3.8.4.7).
CALENDAR_HOST = env.str("CALENDAR_HOST", SITE_HOST)
if not re.fullmatch(r"[A-Za-z0-9.:-]+", CALENDAR_HOST):
    raise ImproperlyConfigured("CALENDAR_HOST must be the name of a host, such as booking.example.org.")

# -- what it is made of ------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "workshops",
    "booking",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.forms",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    # Before the next one: looking for its token reads whatever was sent.
    "workshops.prerequisites.files.uploading.BodyMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "booking.site.middleware.DoorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "booking.site.middleware.BusyMiddleware",
    "booking.site.middleware.ClosedMiddleware",
    "booking.site.middleware.SecondFactorMiddleware",
]
ROOT_URLCONF = "booking.site.urls"
WSGI_APPLICATION = "booking.site.wsgi.application"
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
                "booking.site.context.site",
            ],
            "builtins": ["booking.templatetags.words"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# -- data --------------------------------------------------------------------------------------------------------------
# Everything the product keeps on disk: the embedded database, its lock, uploaded files.
DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / "var"))).resolve()
try:
    DATA_DIR.mkdir(parents=True, exist_ok=True)
except OSError as _problem:
    raise ImproperlyConfigured(f"DATA_DIR cannot be made: {_problem}.") from None
_conn_max_age = env.int("DATABASE_CONN_MAX_AGE", 600, validate=validate.Range(min=0))
_database = env.dj_db_url("DATABASE_URL", f"sqlite:///{DATA_DIR / 'cintima.sqlite3'}")
# Opening SQLite's file anew for each request takes several times as long as most of what is asked of it.
_database["CONN_MAX_AGE"] = _conn_max_age
if _database["ENGINE"] == "django.db.backends.sqlite3":
    if PRODUCTION and ":memory:" in str(_database["NAME"]):
        raise ImproperlyConfigured("DATABASE_URL names a database in memory, which would forget every reservation.")
    _database["OPTIONS"] = {
        # A write transaction takes its lock when it begins, so that what it reads cannot change before it writes.
        "transaction_mode": "IMMEDIATE",
        "timeout": 10,
        # Without recursive triggers, REPLACE would delete rows past the triggers that guard history and the books.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON;",
    }
elif _database["ENGINE"] == "django.db.backends.postgresql":
    _database["CONN_HEALTH_CHECKS"] = True
    _database.setdefault("OPTIONS", {})["options"] = (
        "-c lock_timeout=3s -c statement_timeout=10s -c idle_in_transaction_session_timeout=10s"
    )
    # A server that does not answer is said to be gone, rather than waited for.
    _database["OPTIONS"].setdefault("connect_timeout", 5)
else:
    raise ImproperlyConfigured("DATABASE_URL must be sqlite:///path or postgres://user:password@host:port/name.")
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# What it keeps are the limits of signing in. Beyond so many entries Django drops a third of them, and with 300, its
# default, anyone could make it forget who has tried too often.
_kept_entries = {"MAX_ENTRIES": 100_000}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "site_cache",
        "OPTIONS": _kept_entries,
    }
}

# -- Stripe ------------------------------------------------------------------------------------------------------------
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", "")
STRIPE_WEBHOOK_SECRETS = _words(env.list("STRIPE_WEBHOOK_SECRETS", []))
STRIPE_API_BASE = env.str("STRIPE_API_BASE", "").rstrip("/")
STRIPE_LIVE = env.bool("STRIPE_LIVE", False)
if STRIPE_SECRET_KEY:
    if not re.fullmatch(r"(sk|rk)_(test|live)_\S+", STRIPE_SECRET_KEY):
        raise ImproperlyConfigured("STRIPE_SECRET_KEY must begin with sk_test_, sk_live_, rk_test_ or rk_live_.")
    _is_live = "_live_" in STRIPE_SECRET_KEY[:8]
    if _is_live and not STRIPE_LIVE:
        raise ImproperlyConfigured("STRIPE_SECRET_KEY is a live key. Set STRIPE_LIVE=yes if real money should move.")
    if STRIPE_LIVE and not _is_live:
        raise ImproperlyConfigured("STRIPE_LIVE is set and STRIPE_SECRET_KEY is a test key: nobody would really pay.")
    if PRODUCTION and not _is_live:
        raise ImproperlyConfigured("STRIPE_SECRET_KEY is a test key: in production anyone could pay with a test card.")
    if PRODUCTION and not STRIPE_WEBHOOK_SECRETS:
        raise ImproperlyConfigured("STRIPE_WEBHOOK_SECRETS is missing: what Stripe tells us could not be believed.")
elif STRIPE_LIVE:
    raise ImproperlyConfigured("STRIPE_LIVE is set and STRIPE_SECRET_KEY is not.")
if any(not secret.startswith("whsec_") for secret in STRIPE_WEBHOOK_SECRETS):
    raise ImproperlyConfigured("STRIPE_WEBHOOK_SECRETS must hold secrets that begin with whsec_, with commas between.")
if STRIPE_API_BASE:
    _base = _address(STRIPE_API_BASE)
    if PRODUCTION or _base is None or _base.scheme != "http" or _base.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ImproperlyConfigured(
            "STRIPE_API_BASE is for trying things out: http, on this machine, and never in production."
        )
STRIPE_PAGE = STRIPE_API_BASE or "https://checkout.stripe.com"

# -- people ------------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "workshops.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AUTH_PASSWORD_VALIDATORS[1]["OPTIONS"] = {"min_length": 10}  # type: ignore[assignment]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "booking.site.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "workshops.people.forms.SignupForm"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_SESSION_REMEMBER = True
# A whole office shares one address, and so does everyone behind a mobile network: the limits that bite count the
# account (key); those on an address only stop floods.
ACCOUNT_RATE_LIMITS = {
    "login": "300/m/ip",
    "login_failed": "100/m/ip,5/300s/key",
    "request_login_code": "100/m/ip,3/m/key",
    "reset_password": "100/m/ip,3/m/key",
    "reset_password_from_key": "100/m/ip",
    "signup": "100/m/ip",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "CINTIMA"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION
# Who answers for money or reads evidence proves who they are twice.
SECOND_FACTOR_REQUIRED = PRODUCTION
USERSESSIONS_TRACK_ACTIVITY = False

# -- how requests arrive -----------------------------------------------------------------------------------------------
BEHIND_PROXY = env.bool("BEHIND_PROXY", False)
_proxy_count = env.int("PROXY_COUNT", 1, validate=validate.Range(1, 10))
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = _proxy_count
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_ENGINE = "django.contrib.sessions.backends.db"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
FILE_UPLOAD_HANDLERS = [
    "workshops.prerequisites.files.uploading.CountingUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        # A form that leads on to the processor's page counts as sent there.
        "form-action": [SELF, *([STRIPE_PAGE] if STRIPE_SECRET_KEY else [])],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

# -- e-mail ------------------------------------------------------------------------------------------------------------
_mail = _address(env.str("EMAIL_URL", "console:"))
if (
    _mail is None
    or _mail.scheme not in {"smtp", "submission", "file", "console"}
    or (_mail.scheme in {"smtp", "submission"} and not _mail.hostname)
    or (_mail.scheme == "file" and not _mail.path)
):
    raise ImproperlyConfigured(
        "EMAIL_URL must be submission://user:password@host, smtp://host, file:///folder or console:."
    )
if PRODUCTION and _mail.scheme in {"console", "file"}:
    raise ImproperlyConfigured("EMAIL_URL must be a mail server in production: people wait for these messages.")
_email = env.dj_email_url("EMAIL_URL", "console:")
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
EMAIL_HOST = _email["EMAIL_HOST"]
EMAIL_PORT = _email["EMAIL_PORT"]
EMAIL_HOST_USER = _email["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = _email["EMAIL_USE_TLS"]
EMAIL_USE_SSL = _email["EMAIL_USE_SSL"]
EMAIL_FILE_PATH = "/" + _email["EMAIL_FILE_PATH"].lstrip("/") if _email["EMAIL_FILE_PATH"] else None
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("EMAIL_FROM", f"CINTIMA <workshops@{SITE_HOST}>")
# No mail is received here: replies go to the school's own mailbox.
EMAIL_REPLY_TO = env.str("EMAIL_REPLY_TO", "")
for _name, _sender in (("EMAIL_FROM", DEFAULT_FROM_EMAIL), ("EMAIL_REPLY_TO", EMAIL_REPLY_TO or DEFAULT_FROM_EMAIL)):
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(_sender)[1]):
        raise ImproperlyConfigured(f"{_name} must be an address, such as CINTIMA <workshops@example.org>.")

# -- words, time, files ------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = "America/Los_Angeles"  # the school's; pages add the reader's own where it differs
USE_TZ = True
USE_I18N = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "booking" / "site" / "static"]
STATIC_ROOT = DATA_DIR / "static"
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
_files_url = env.str("FILES_URL", "")
_files: dict[str, Any] = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {"location": DATA_DIR / "files"},
}
if _files_url:
    _bucket = _address(_files_url)
    _more = dict(parse_qsl(_bucket.query)) if _bucket else {}
    _endpoint = _address(_more.get("endpoint", ""))
    if (
        _bucket is None
        or _bucket.scheme != "s3"
        # As it was written: what a parser calls the host is in small letters.
        or not re.fullmatch(r"[a-z0-9][a-z0-9.-]+", _bucket.netloc.rpartition("@")[2])
        or not (_bucket.username and _bucket.password)
        or _bucket.path not in {"", "/"}
        or set(_more) - {"endpoint", "region"}
        or ("endpoint" in _more and not (_endpoint and _endpoint.scheme in {"http", "https"} and _endpoint.hostname))
        or (PRODUCTION and _endpoint is not None and _endpoint.scheme == "http")
    ):
        raise ImproperlyConfigured(
            "FILES_URL must be s3://key:secret@bucket?endpoint=https://storage.example.org&region=eu-1"
            + (", over https in production." if PRODUCTION else ".")
        )
    from botocore.config import Config

    _files = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "access_key": unquote(_bucket.username),
            "secret_key": unquote(_bucket.password),
            "bucket_name": _bucket.hostname,
            "endpoint_url": _more.get("endpoint"),
            "region_name": _more.get("region", "us-east-1"),
            "client_config": Config(
                # The bucket's name in the path is what storage that is not Amazon's understands everywhere.
                s3={"addressing_style": "path" if "endpoint" in _more else "virtual"},
                signature_version="s3v4",
                connect_timeout=5,
                read_timeout=20,
                retries={"total_max_attempts": 3},
            ),
            # Objects are private by default, and many buckets refuse to be told anything about it.
            "default_acl": None,
            "querystring_auth": True,
            "file_overwrite": False,
        },
    }
STORAGES = {
    "default": _files,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = False

# -- play money and serving --------------------------------------------------------------------------------------------
# The sandbox takes play money so that everything can be tried. Production never runs it, whatever else is set.
SANDBOX_PAYMENTS = not PRODUCTION
# What one token, or one signed-in browser, may ask of one process; it protects the machine and shuts nobody out.
API_REQUESTS_A_MINUTE = 600
WEB_WORKERS = env.int("WEB_WORKERS", 2, validate=validate.Range(1, 64))
WEB_THREADS = env.int("WEB_THREADS", 4, validate=validate.Range(1, 64))

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_LEVEL = env.str(
    "LOG_LEVEL", "INFO", validate=validate.OneOf(_LEVELS, error=f"It must be one of {', '.join(_LEVELS)}.")
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            # Addresses of private calendars are secrets: no handler may write without it.
            "class": "booking.site.masking.MaskingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # Strangers try names that are not ours all day long; each is answered with 400 and is not worth a trace.
        "django.security.DisallowedHost": {"handlers": [], "propagate": False},
        # It writes whole addresses, and people's e-mail addresses may stand in them.
        "stripe": {"level": "WARNING"},
    },
}
