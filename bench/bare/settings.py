"""No middleware, no database, no template."""

DEBUG = False
SECRET_KEY = "keeps-nothing-secret"  # noqa: S105
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "bench.bare.urls"
USE_TZ = True
