# The image of web, worker, relay, beat and the one-shot set-up; compose.yaml starts it five times.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=storefront.settings
WORKDIR /app

COPY requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements.txt

# Named one by one, so that neither var/ nor .env of the machine that builds can slip in.
COPY manage.py ./
COPY tools/build.py tools/
COPY locale locale
COPY static static
COPY templates templates
COPY data data
COPY reservations reservations
COPY storefront storefront

# Collecting static files touches no database and signs nothing: these values end with the line.
RUN DATABASE_URL=sqlite:////tmp/build.sqlite3 SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
    python tools/build.py \
 && useradd --system --no-create-home --home-dir /app/var shop \
 && mkdir -p var/documents && chown -R shop:shop var

USER shop
EXPOSE 8000
CMD ["python", "-m", "storefront.serve", "--host", "0.0.0.0", "--port", "8000", "--workers", "2"]
