// Passkeys: what a browser does only for script. The pages work without this file:
// what needs it stays hidden until it has found that the browser has passkeys.

const able = window.isSecureContext && window.PublicKeyCredential?.parseRequestOptionsFromJSON;

async function tell(path, body) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  if (answer.redirected) { // who this is has to be proved again first
    location.assign(answer.url);
    return new Promise(() => {});
  }
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

async function usePasskey(button) {
  const options = await tell("/passkey/challenge", { next: button.dataset.next });
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const credential = await navigator.credentials.get({ publicKey });
  const { next } = await tell("/passkey/answer", credential.toJSON());
  location.assign(next);
}

async function makePasskey(form) {
  const path = "/account/security/passkeys";
  const options = await tell(path + "/challenge", {});
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const credential = await navigator.credentials.create({ publicKey });
  const { next } = await tell(path, { name: form.elements.name.value, credential: credential.toJSON() });
  location.assign(next);
}

// words says what went wrong; browsers do not say more than that somebody stopped.
function words(error) {
  switch (error.name) {
    case "NotAllowedError": return "Nothing was done: it was stopped, or took too long.";
    case "InvalidStateError": return "This device holds a passkey for your account already.";
  }
  return error.message;
}

async function attempt(element, what) {
  const trouble = element.parentElement.querySelector("[data-passkey-trouble]");
  trouble.hidden = true;
  try {
    await what(element);
  } catch (error) {
    trouble.firstElementChild.textContent = words(error);
    trouble.hidden = false;
  }
}

if (able) {
  for (const element of document.querySelectorAll("[data-needs-passkeys]")) element.hidden = false;
  for (const element of document.querySelectorAll("[data-without-passkeys]")) element.hidden = true;
  for (const button of document.querySelectorAll("[data-passkey=use]")) {
    button.addEventListener("click", () => attempt(button, usePasskey));
  }
  for (const form of document.querySelectorAll("[data-passkey=make]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(form, makePasskey);
    });
  }
}
