// Solves the challenge before the waiting room. Where it cannot be solved, the form that waits stays as it is.

const form = document.querySelector("[data-door]");
if (form && window.crypto?.subtle && window.Worker) {
  solve(form);
}

function solve(element) {
  const words = element.querySelector("[data-words]");
  const button = element.querySelector("button");
  const before = words.textContent;
  const challenge = JSON.parse(element.dataset.challenge);
  const worker = new Worker(element.dataset.worker, { type: "module" });

  function giveUp() {
    words.textContent = before;
    button.hidden = false;
  }

  worker.addEventListener("error", giveUp);
  worker.addEventListener("message", ({ data: number }) => {
    worker.terminate();
    if (number === null) {
      giveUp();
      return;
    }
    const { algorithm, challenge: hash, salt, signature } = challenge;
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "altcha";
    field.value = btoa(JSON.stringify({ algorithm, challenge: hash, number, salt, signature }));
    element.append(field);
    element.submit();
  });
  words.textContent = element.dataset.sayWorking;
  button.hidden = true;
  worker.postMessage(challenge);
}
