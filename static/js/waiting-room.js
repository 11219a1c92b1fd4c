// The queue's page asks where its ticket stands and goes on when its turn comes; the form's page counts the turn.

const LEAST_MS = 1000;
const LONGEST_MS = 30_000;
const QUIET_MS = 60_000;
const SOON_MS = 120_000;

const room = document.querySelector("[data-room]");
if (room) {
  wait(room);
}
const turn = document.querySelector("[data-turn]");
if (turn) {
  countTurn(turn);
}

function wait(element) {
  const say = element.querySelector("[data-say]");
  let state = element.dataset.state;
  let told = { words: "", at: -QUIET_MS };
  let failures = 0;

  async function ask() {
    let pause = Math.min(LONGEST_MS, 3000 * 2 ** failures) * (0.75 + Math.random() / 2);
    try {
      const response = await fetch(element.dataset.poll, { cache: "no-store", headers: { Accept: "application/json" } });
      if (!response.ok) {
        throw new Error(String(response.status));
      }
      const facts = await response.json();
      failures = 0;
      if (facts.go) {
        goOn(facts);
        return;
      }
      show(facts);
      pause = facts.poll_ms;
    } catch {
      failures += 1;
      tell(element.dataset.away);
    }
    setTimeout(ask, Math.max(LEAST_MS, pause));
  }

  function goOn(facts) {
    document.title = facts.title ?? document.title;
    say.textContent = facts.title ?? "";
    location.assign(facts.go);
  }

  function show(facts) {
    put("[data-title]", facts.title, document);
    put("[data-place]", facts.place ?? "");
    put("[data-ahead]", facts.ahead_words);
    put("[data-wait]", facts.wait_words);
    document.title = document.title.replace(/^[^·]*·/, `${facts.title} ·`);
    const words = [facts.title, facts.place, facts.ahead_words, facts.wait_words].filter(Boolean).join(" ");
    if (facts.state !== state || facts.ahead === 0) {
      told.at = -QUIET_MS;
    }
    state = facts.state;
    tell(words);
  }

  /** What is new, and at most once a minute unless the state has changed. */
  function tell(words) {
    const now = performance.now();
    if (words !== told.words && now - told.at >= QUIET_MS) {
      told = { words, at: now };
      say.textContent = words;
    }
  }

  function put(selector, words, within = element) {
    const found = within.querySelector(selector);
    if (found.textContent !== words) {
      found.textContent = words;
    }
  }

  told = { words: "", at: performance.now() };
  setTimeout(ask, Number(element.dataset.pollMs) || 3000);
}

function countTurn(element) {
  const left = element.querySelector("[data-left]");
  const say = element.querySelector("[data-say]");
  const format = new Intl.NumberFormat(document.documentElement.lang, { minimumIntegerDigits: 2 });
  // performance.now() goes on evenly even when the visitor's clock is set anew.
  let until = performance.now() + 1000 * Number(element.dataset.seconds);
  let said = "";

  function tick() {
    const rest = Math.max(0, until - performance.now());
    const seconds = Math.ceil(rest / 1000);
    left.hidden = false;
    left.textContent = `${Math.floor(seconds / 60)}:${format.format(seconds % 60)}`;
    const level = rest === 0 ? "sayOver" : rest <= SOON_MS ? "saySoon" : "";
    if (level !== said) {
      said = level;
      say.textContent = level ? element.dataset[level] : "";
      say.classList.toggle("unseen", !level);
    }
    setTimeout(tick, 1000);
  }

  element.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    try {
      const response = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" } });
      until = performance.now() + 1000 * (await response.json()).seconds;
      say.textContent = element.dataset.sayMore;
    } catch {
      form.submit(); // the page itself then says how things stand
    }
  });
  tick();
}
