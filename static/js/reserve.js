// The reservation form: follows country and region, adds up, and is sent once.

const summary = document.querySelector("[data-error-summary]");
summary?.focus();

const marketForm = document.querySelector("[data-market-form]");
if (marketForm) {
  followByPointer(marketForm.querySelector("select"), () => marketForm.requestSubmit());
}

const form = document.querySelector("[data-reserve]");
let asking = new AbortController();
if (form) {
  addUp();
  form.addEventListener("input", addUp);
  form.addEventListener("change", (event) => {
    if (["variant", "subdivision"].includes(event.target.name)) {
      showChoice(event.target.id);
    }
  });
  form.addEventListener("submit", sendOnce);
  // A page that comes back from the browser's memory may be sent again: the server knows the attempt.
  window.addEventListener("pageshow", () => setSending(false));
}

/** Choosing with the pointer acts at once; with the keyboard, where each arrow key changes the value, the button does. */
function followByPointer(select, act) {
  let isPointer = false;
  select.addEventListener("pointerdown", () => (isPointer = true));
  select.addEventListener("keydown", () => (isPointer = false));
  select.addEventListener("change", () => isPointer && act());
}

/** Notices and consents depend on variant and region: fetch the page for them, and keep what was typed and ticked. */
async function showChoice(changed) {
  const address = new URL(location.href);
  for (const name of ["variant", "subdivision"]) {
    address.searchParams.set(name, new FormData(form).get(name) ?? "");
  }
  asking.abort();
  asking = new AbortController();
  const fresh = await fetchForm(address, asking.signal);
  if (!fresh) {
    return;
  }
  const typed = ["email", "name", "postcode", "quantity"].map((name) => [name, form.elements[name]?.value]);
  const ticked = [...form.querySelectorAll("[name^=consent_]:checked")].map((tick) => `${tick.name} ${tick.value}`);
  form.replaceChildren(...fresh.childNodes);
  for (const [name, value] of typed) {
    if (value !== undefined && form.elements[name]) {
      form.elements[name].value = value;
    }
  }
  for (const tick of form.querySelectorAll("[name^=consent_]")) {
    tick.checked = ticked.includes(`${tick.name} ${tick.value}`);
  }
  document.getElementById(changed)?.focus();
  addUp();
}

/** The form of that page; nothing when a later choice overtook this one. A page without a form is opened instead. */
async function fetchForm(address, signal) {
  try {
    const response = await fetch(address, { headers: { Accept: "text/html" }, signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.querySelector("[data-reserve]");
    if (!response.ok || !fresh) {
      location.assign(address);
    }
    return fresh;
  } catch (error) {
    if (error.name !== "AbortError") {
      location.assign(address);
    }
    return null;
  }
}

function addUp() {
  const chosen = form.querySelector("[name=variant]:checked");
  const quantity = Number(form.elements.quantity?.value);
  const row = form.querySelector("[data-total-row]");
  if (!row) {
    return;
  }
  const isKnown = chosen?.dataset.amount && Number.isInteger(quantity) && quantity > 0 && quantity < 100;
  row.hidden = !isKnown;
  if (chosen?.dataset.price) {
    const each = document.createElement("bdi");
    each.textContent = chosen.dataset.price;
    form.querySelector("[data-each]").replaceChildren(each);
  }
  if (isKnown) {
    const options = { style: "currency", currency: form.dataset.currency, currencyDisplay: "code" };
    const format = new Intl.NumberFormat(form.dataset.language, options);
    const exponent = format.resolvedOptions().maximumFractionDigits;
    const total = document.createElement("bdi");
    const amount = (Number(chosen.dataset.amount) * quantity) / 10 ** exponent;
    total.textContent = quantity === 1 ? chosen.dataset.price : format.format(amount);
    form.querySelector("[data-total]").replaceChildren(total);
  }
}

function sendOnce(event) {
  if (form.dataset.isSending) {
    event.preventDefault();
    return;
  }
  setSending(true);
}

function setSending(isSending) {
  const button = form.querySelector("[data-submit]");
  if (isSending) {
    form.dataset.isSending = "yes";
    button.dataset.words = button.textContent;
    button.textContent = form.dataset.sending;
    button.setAttribute("aria-disabled", "true");
  } else if (form.dataset.isSending) {
    delete form.dataset.isSending;
    button.textContent = button.dataset.words;
    button.removeAttribute("aria-disabled");
  }
}
