// Shows how long a place is still held, by the server's clock, and looks again when the time is over.

const SECOND = 1000;

function start(element) {
  const until = Date.parse(element.dataset.until);
  const serverAtLoad = Date.parse(element.dataset.serverTime);
  if (Number.isNaN(until) || Number.isNaN(serverAtLoad)) {
    return;
  }
  const loadedAt = performance.now();
  const digits = new Intl.NumberFormat(document.documentElement.lang, { minimumIntegerDigits: 2, useGrouping: false });
  const whole = new Intl.NumberFormat(document.documentElement.lang, { useGrouping: false });

  function tick() {
    const left = Math.max(0, until - serverAtLoad - (performance.now() - loadedAt));
    const seconds = Math.ceil(left / SECOND);
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) % 60;
    const rest = digits.format(seconds % 60);
    element.textContent = hours
      ? `${whole.format(hours)}:${digits.format(minutes)}:${rest}`
      : `${whole.format(minutes)}:${rest}`;
    if (seconds > 0) {
      setTimeout(tick, left % SECOND || SECOND);
    } else {
      // The sweep lets go of the place a moment later.
      setTimeout(() => location.reload(), 15 * SECOND);
    }
  }

  element.closest("[hidden]")?.removeAttribute("hidden");
  tick();
}

document.querySelectorAll("[data-hold]").forEach(start);
