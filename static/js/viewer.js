// "Turn it around": loads the viewer and the model only when they are asked for.

const button = document.querySelector("[data-turn]");
if (button) {
  button.hidden = false;
  button.addEventListener("click", turn, { once: true });
}

async function turn() {
  const status = document.querySelector("[data-turn-status]");
  const stage = document.querySelector("[data-stage]");
  status.textContent = button.dataset.loading;
  button.setAttribute("aria-disabled", "true");
  try {
    await loadViewer(button.dataset.viewer);
    const viewer = document.createElement("model-viewer");
    viewer.alt = button.dataset.alt;
    viewer.setAttribute("camera-controls", "");
    viewer.setAttribute("touch-action", "pan-y");
    viewer.setAttribute("interaction-prompt", "none");
    viewer.setAttribute("shadow-intensity", "0.7");
    viewer.setAttribute("exposure", "1.05");
    viewer.setAttribute("environment-image", "neutral");
    viewer.setAttribute("camera-orbit", "-28deg 76deg 72%");
    viewer.setAttribute("min-camera-orbit", "auto auto 50%");
    adoptStyles(viewer.shadowRoot);
    const loaded = new Promise((resolve, reject) => {
      viewer.addEventListener("load", resolve, { once: true });
      viewer.addEventListener("error", reject, { once: true });
    });
    viewer.src = button.dataset.model;
    const picture = stage.querySelector("picture");
    stage.append(viewer);
    picture.hidden = true;
    try {
      await loaded;
    } catch (error) {
      viewer.remove();
      picture.hidden = false;
      throw error;
    }
    button.hidden = true;
    status.textContent = button.dataset.help;
    viewer.focus();
  } catch {
    status.textContent = button.dataset.failed;
    button.removeAttribute("aria-disabled");
    button.addEventListener("click", turn, { once: true });
  }
}

/** The viewer compiles a decoder that the content security policy forbids and that our models do not need. */
async function loadViewer(address) {
  window.addEventListener("unhandledrejection", (event) => {
    if (event.reason instanceof WebAssembly.CompileError) {
      event.preventDefault();
    }
  });
  await import(address);
}

/** The content security policy drops the viewer's inline styles; give it the same rules as constructed sheets. */
function adoptStyles(root) {
  const sheets = [...root.querySelectorAll("style")].map((style) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style.textContent);
    return sheet;
  });
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, ...sheets];
  for (const element of root.querySelectorAll("[style]")) {
    element.style.cssText = element.getAttribute("style");
  }
}
