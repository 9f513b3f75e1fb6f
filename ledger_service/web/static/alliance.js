// Small conveniences; every page works without them.
for (const select of document.querySelectorAll("select[data-send]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
for (const button of document.querySelectorAll("[data-noscript]")) button.hidden = true;

// The page one is on stands in sight where the row of pages is wider than the screen.
const pages = document.querySelector(".top nav"), shown = pages?.querySelector("[aria-current]");
if (shown && pages.scrollWidth > pages.clientWidth) pages.scrollLeft = shown.offsetLeft - pages.offsetLeft - 48;

// What was sent and has no answer yet is remembered by this tab, but for PINs. Where the connection goes before the
// answer comes, the next page offers to send it once more under its key; after another log-in it is forgotten.
const lost = document.querySelector("[data-lost]"), SENT = "sent", secret = "input[type=password], [name=pin]";
const token = document.querySelector("input[name=csrf]")?.value;
const held = () => { try { return JSON.parse(sessionStorage.getItem(SENT)); } catch { return null; } };
const forget = () => { try { sessionStorage.removeItem(SENT); } catch { /* a browser that keeps nothing */ } };
const remember = (form, button) => {
  const fields = [...new FormData(form, button)].filter(([, value]) => typeof value === "string");
  const hidden = [...form.querySelectorAll(secret)].filter((field) => field.value);
  const asked = hidden.map((field) => [field.name, field.labels[0]?.textContent ?? field.name]);
  const open = fields.filter(([name]) => !asked.some(([one]) => one === name));
  try { sessionStorage.setItem(SENT, JSON.stringify({ to: form.action, token, fields: open, asked })); } catch { forget(); }
};
const field = (type, name, value) => Object.assign(document.createElement("input"), { type, name, value });
const offer = (sent) => {
  const form = lost.querySelector("form"), button = form.querySelector("button");
  form.action = sent.to;
  form.append(...sent.fields.map(([name, value]) => field("hidden", name, value)));
  for (const [name, label] of sent.asked) {
    const box = document.createElement("label");
    box.append(label, Object.assign(field("password", name, ""), { required: true, autocomplete: "off" }));
    button.before(box);
  }
  form.querySelector("[data-forget]").addEventListener("click", () => { forget(); lost.hidden = true; });
  lost.hidden = form.hidden = false;
};
if (lost) {
  const sent = held(), answered = /(?:^|; )answered=([^;]*)/.exec(document.cookie)?.[1];
  const over = !sent || sent.token !== token || sent.fields.some(([name, value]) => name === "once" && value === answered);
  if (over) forget();
  else if (!document.querySelector("[data-kept]")) offer(sent);
} else forget();
for (const form of document.querySelectorAll("form[method=post]:not([data-stays], [data-passkey])")) {
  if (!lost || !form.elements.once || form.getAttribute("action") === "/leave") continue;
  form.addEventListener("submit", (event) => {
    const line = navigator.onLine, word = lost.querySelector("[data-no-line]");
    word.hidden = line;
    if (line) return remember(form, event.submitter);
    event.preventDefault();
    event.stopImmediatePropagation();
    lost.hidden = false;
    lost.scrollIntoView({ block: "center" });
  });
}

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
      field.ariaLabel = field.ariaLabel.replace(/\d+$/, number);
      field.removeAttribute("aria-invalid");
    }
    for (const label of fresh.querySelectorAll("label")) label.htmlFor = label.htmlFor.replace(/\d+$/, number);
    rows[rows.length - 1].after(fresh);
    fresh.querySelector("input").focus();
  };
  basket.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    if (event.repeat) return; // a key that is held is no next article
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
