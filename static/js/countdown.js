// Counts down by the server's clock, and reloads once the server itself says that it is open.

const SECOND = 1000;
const LONGEST_PAUSE = 30 * SECOND;

function start(element) {
  const opensAt = Date.parse(element.dataset.opensAt);
  const serverAtLoad = Date.parse(element.dataset.serverTime);
  if (Number.isNaN(opensAt) || Number.isNaN(serverAtLoad)) {
    return;
  }
  // performance.now() goes on evenly even when the visitor's clock is set anew.
  const loadedAt = performance.timing ? performance.timing.responseEnd - performance.timeOrigin : 0;
  const digits = element.querySelector(".countdown-digits");
  const cells = Object.fromEntries([...element.querySelectorAll("[data-unit]")].map((cell) => [cell.dataset.unit, cell]));
  const say = element.querySelector("[data-say]");
  const format = new Intl.NumberFormat(document.documentElement.lang, { minimumIntegerDigits: 2, useGrouping: false });
  const whole = new Intl.NumberFormat(document.documentElement.lang);
  let said = null;

  const serverNow = () => serverAtLoad + performance.now() - Math.max(0, loadedAt);

  function announce(left) {
    const level = left <= 60 * SECOND ? "sayMinute" : left <= 600 * SECOND ? "sayMinutes" : left <= 3600 * SECOND ? "sayHour" : null;
    if (level && level !== said) {
      said = level;
      say.textContent = element.dataset[level];
    }
  }

  function tick() {
    const left = opensAt - serverNow();
    if (left <= 0) {
      show(0);
      say.textContent = element.dataset.sayOpen;
      askServer(element, opensAt, SECOND);
      return;
    }
    show(Math.ceil(left / SECOND));
    announce(left);
    setTimeout(tick, left % SECOND || SECOND);
  }

  function show(seconds) {
    cells.days.textContent = whole.format(Math.floor(seconds / 86400));
    cells.hours.textContent = format.format(Math.floor(seconds / 3600) % 24);
    cells.minutes.textContent = format.format(Math.floor(seconds / 60) % 60);
    cells.seconds.textContent = format.format(seconds % 60);
  }

  digits.hidden = false;
  tick();
}

async function askServer(element, opensAt, pause) {
  try {
    const response = await fetch(element.dataset.launches, { cache: "no-store", headers: { Accept: "application/json" } });
    if (response.ok) {
      const body = await response.json();
      const launches = Array.isArray(body) ? body : (body.results ?? []);
      if (launches.some((launch) => Date.parse(launch.server_time) >= opensAt && launch.phase === "open")) {
        location.reload();
        return;
      }
    }
  } catch {
    // The network may be away for a moment; the next question follows.
  }
  // Everybody waits for the same instant: spread the questions out.
  const next = Math.min(pause * 2, LONGEST_PAUSE);
  setTimeout(() => askServer(element, opensAt, next), pause * (0.5 + Math.random()));
}

document.querySelectorAll("[data-countdown]").forEach(start);
