// Remembers the country and language of this page, so that the start page suggests them next time.

const SECONDS = 365 * 24 * 3600;
const place = document.documentElement.dataset.choice;

if (place) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `place=${place}; Path=/; Max-Age=${SECONDS}; SameSite=Lax${secure}`;
}
