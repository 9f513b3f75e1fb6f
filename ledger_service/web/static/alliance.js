// Small conveniences; every page works without them.
for (const select of document.querySelectorAll("select[data-send]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
for (const button of document.querySelectorAll("[data-noscript]")) button.hidden = true;

// The page one is on stands in sight where the row of pages is wider than the screen.
const pages = document.querySelector(".top nav"), shown = pages?.querySelector("[aria-current]");
if (shown && pages.scrollWidth > pages.clientWidth) pages.scrollLeft = shown.offsetLeft - pages.offsetLeft - 48;

// A form is sent once, however often its button is pressed; the server would do it once anyway. One that fetches
// a file leaves its page standing, and may be sent again.
for (const form of document.querySelectorAll("form:not([data-stays])")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) setTimeout(() => { button.disabled = true; }, 0);
  });
}
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form button")) button.disabled = false;
});

// The pay code: a countdown, and a fresh one when it is over. What was shown goes on working until its end.
const code = document.querySelector("[data-code-until]");
if (code) {
  const ends = Date.now() + Number(code.dataset.codeSeconds) * 1000;
  const whole = Number(code.dataset.codeStep) * 1000;
  const left = code.querySelector("[data-left]");
  const bar = code.querySelector("progress");
  const tick = () => {
    const rest = Math.max(0, ends - Date.now());
    left.textContent = String(Math.ceil(rest / 1000));
    bar.value = rest / whole;
    if (rest > 0) return;
    clearInterval(timer);
    if (navigator.onLine) location.reload();
    else code.classList.add("over");
  };
  const timer = setInterval(tick, 250);
  tick();
}

// A till's basket: rows are added by Enter, as a scanner sends it.
const basket = document.querySelector("[data-basket]");
if (basket) {
  const add = () => {
    const rows = basket.querySelectorAll("[data-row]");
    const fresh = rows[rows.length - 1].cloneNode(true);
    const number = String(rows.length + 1);
    for (const field of fresh.querySelectorAll("input")) {
      field.name = field.name.replace(/\d+$/, number);
      field.id = field.id.replace(/\d+$/, number);
      field.value = field.dataset.start ?? "";
    }
    for (const label of fresh.querySelectorAll("label")) label.htmlFor = label.htmlFor.replace(/\d+$/, number);
    rows[rows.length - 1].after(fresh);
    fresh.querySelector("input").focus();
  };
  basket.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    const fields = [...basket.querySelectorAll("[data-row] input")];
    const next = fields[fields.indexOf(event.target) + 1];
    if (next) next.focus(); else add();
  });
  document.querySelector("[data-add-row]")?.addEventListener("click", add);
}

// A code on an item may be photographed where the browser can read one; the picture stays on the phone.
const scan = document.querySelector("[data-scan]");
if (scan && "BarcodeDetector" in window) {
  const photo = scan.querySelector("input[type=file]");
  scan.querySelector("[data-camera]").hidden = false;
  photo.addEventListener("change", async () => {
    const read = async () => new BarcodeDetector().detect(await createImageBitmap(photo.files[0]));
    const [found] = await read().catch(() => []);
    if (!found) return;
    scan.elements.code.value = found.rawValue;
    scan.requestSubmit();
  });
}
const prints = document.querySelector("[data-print]");
if (prints) prints.addEventListener("click", () => print());
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/service-worker.js").catch(() => {});
