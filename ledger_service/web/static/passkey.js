// Passkeys: what the service asks is put to the device, and what the device answers goes into the form. A page
// shows its form only where there can be an answer; a number for a host is none that devices take.
const raw = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const ids = (list) => (list ?? []).map((one) => ({ ...one, id: raw(one.id) }));

async function make(asked) {
  const user = { ...asked.user, id: raw(asked.user.id) };
  const excludeCredentials = ids(asked.excludeCredentials);
  return navigator.credentials.create({ publicKey: { ...asked, user, excludeCredentials, challenge: raw(asked.challenge) } });
}

async function show(asked) {
  const allowCredentials = ids(asked.allowCredentials);
  return navigator.credentials.get({ publicKey: { ...asked, allowCredentials, challenge: raw(asked.challenge) } });
}

function written(made) {
  const response = {};
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature"]) {
    if (made.response[part]) response[part] = text(made.response[part]);
  }
  return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response });
}

const possible = "credentials" in navigator && "PublicKeyCredential" in window && !/^[\d.]+$|:/.test(location.hostname);
for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!possible) continue;
  form.hidden = false;
  document.querySelector("[data-passkey-none]")?.remove();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const failed = form.querySelector("[data-passkey-failed]");
    failed.hidden = true;
    try {
      const made = form.dataset.passkey === "make"
        ? await make(JSON.parse(form.dataset.options))
        : await show(await (await fetch("/enter/passkey", { method: "GET" })).json());
      form.elements.credential.value = written(made);
      form.submit();
    } catch {
      failed.hidden = false;
      for (const button of form.querySelectorAll("button")) button.disabled = false;
    }
  });
}
