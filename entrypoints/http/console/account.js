// What the pages of links do: keep the token, send a form when somebody presses its button, and say what came of it.
"use strict";

// Stands nowhere else: not in the address bar, the history, a storage or a log.
let token = "";

const element = (id) => document.getElementById(id);

function begin() {
  if (location.hash) {
    token = location.hash.slice(1);
    history.replaceState(null, "", location.pathname);
    tell("");
  }
  show(token ? "link" : "ask");
}

function show(id) {
  for (const section of document.querySelectorAll("section")) {
    section.hidden = section.id !== id;
  }
}

function goOn(id) {
  show(id);
  element(id).focus();
}

function tell(text) {
  const problem = element("problem");
  problem.textContent = text;
  problem.scrollIntoView({ block: "nearest" });
}

function complain(name, text) {
  const field = element(name);
  element(`${name}-problem`).textContent = text;
  field.setAttribute("aria-invalid", text !== "");
  if (text) {
    field.focus();
  }
}

function complainOf({ pointer, detail }) {
  const name = pointer.slice(1);
  complain(name, element(name).dataset.wrong ?? detail);
}

async function send(form) {
  const fields = [...form.elements].filter((field) => field.name && !field.disabled && field.name !== "username");
  const content = Object.fromEntries(fields.map((field) => [field.name, field.value]));
  if (form.closest("#link")) {
    content.token = token;
  }
  tell("");
  fields.forEach((field) => complain(field.name, ""));
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/problem+json, application/json" },
    body: JSON.stringify(content),
    credentials: "omit",
  });
  if (!answer.ok) {
    refused(await answer.json(), Number(answer.headers.get("Retry-After")));
    return;
  }
  form.reset();
  form.querySelectorAll("[data-shows]").forEach(showIfTicked);
  goOn(form.dataset.then);
}

function refused(problem, seconds) {
  const errors = problem.errors ?? [];
  const ofFields = errors.filter((error) => element(error.pointer.slice(1)));
  if (problem.code === "link_invalid" || errors.some((error) => error.pointer === "/token")) {
    tell("This link was used before, has expired, or a newer one has taken its place.");
    goOn("ask");
  } else if (element(problem.code)) {
    goOn(problem.code);
  } else if (ofFields.length) {
    ofFields.filter((error) => !asksFor(error.code)).forEach(complainOf);
  } else {
    tell(words(problem, seconds));
  }
}

// Whether a part of the form has waited for this refusal, to be filled in as well.
function asksFor(code) {
  const part = element(code);
  if (!part?.hidden) {
    return false;
  }
  const field = part.querySelector("input:disabled");
  part.hidden = field.disabled = false;
  field.focus();
  return true;
}

// A password can be read as long as its box is ticked.
function showIfTicked(box) {
  element(box.dataset.shows).type = box.checked ? "text" : "password";
}

function words(problem, seconds) {
  const wait = seconds > 60 ? `${Math.ceil(seconds / 60)} minutes` : "a minute";
  const byCode = {
    mail_limited: `Too many mails were asked for. Look among the unwanted mails, or try again in ${wait}.`,
    mail_off: "No mail is sent from here. Ask an administrator for help.",
  };
  const byStatus = {
    429: `There were too many tries. Try again in ${wait}; the link stays as it is.`,
    503: `There is too much to do at the moment. Try again in ${wait}; the link stays as it is.`,
  };
  const other = `${problem.detail} If it goes on, tell an administrator this number: ${problem.request_id}.`;
  return byCode[problem.code] ?? byStatus[problem.status] ?? other;
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  try {
    await send(event.target);
  } catch {
    tell("The service cannot be reached. Look after your connection, then try again; ask for another link if this one was used.");
  } finally {
    button.disabled = false;
  }
});

document.addEventListener("change", ({ target }) => {
  if (target.dataset.shows) {
    showIfTicked(target);
  }
});

addEventListener("hashchange", begin);
begin();
