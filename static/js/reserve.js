// The reservation form: follows country and region, adds up, and is sent once.

const summary = document.querySelector("[data-error-summary]");
summary?.focus();

const marketForm = document.querySelector("[data-market-form]");
if (marketForm) {
  followByPointer(marketForm.querySelector("select"), () => marketForm.requestSubmit());
}

const form = document.querySelector("[data-reserve]");
if (form) {
  const region = form.querySelector("[name=subdivision]");
  if (region) {
    region.addEventListener("change", () => showRegion(region.value));
  }
  addUp();
  form.addEventListener("input", addUp);
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

/** Consents depend on the region: fetch the page for it and put its notices here, keeping what was typed. */
async function showRegion(subdivision) {
  const address = new URL(location.href);
  address.searchParams.set("subdivision", subdivision);
  const kept = [...form.elements].filter((element) => ["email", "name", "quantity", "variant"].includes(element.name));
  const typed = kept.map((element) => [element.id, element.value, element.checked]);
  const response = await fetch(address, { headers: { Accept: "text/html" } });
  if (!response.ok) {
    return;
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.querySelector("[data-reserve]");
  if (!fresh) {
    location.assign(address);
    return;
  }
  form.replaceChildren(...fresh.childNodes);
  for (const [id, value, checked] of typed) {
    const element = document.getElementById(id);
    if (element?.type === "radio") {
      element.checked = checked;
    } else if (element) {
      element.value = value;
    }
  }
  const select = form.querySelector("[name=subdivision]");
  select?.addEventListener("change", () => showRegion(select.value));
  select?.focus();
  addUp();
}

function addUp() {
  const chosen = form.querySelector("[name=variant]:checked");
  const quantity = Number(form.elements.quantity?.value);
  const row = form.querySelector("[data-total-row]");
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
