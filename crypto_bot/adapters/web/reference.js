// Shows /openapi.json and lets each call be tried. Text only ever enters as text.
"use strict";

function node(tag, attributes, ...children) {
  const made = document.createElement(tag);
  Object.assign(made, attributes);
  made.append(...children);
  return made;
}

function resolved(schema, spec) {
  const path = schema && schema.$ref ? schema.$ref.split("/").slice(1) : null;
  return path ? path.reduce((at, key) => at[key], spec) : schema;
}

function typeName(schema, spec) {
  if (!schema) return "";
  if (schema.$ref) {
    const target = resolved(schema, spec);
    return target.enum ? target.enum.join(" | ") : schema.$ref.split("/").pop();
  }
  if (schema.anyOf) return schema.anyOf.map((each) => typeName(each, spec)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.type === "array") return "[" + typeName(schema.items, spec) + "]";
  if (schema.additionalProperties) return "{name: " + typeName(schema.additionalProperties, spec) + "}";
  return schema.type || "any";
}

function limits(schema) {
  const found = [];
  if (schema.minimum !== undefined) found.push("from " + schema.minimum);
  if (schema.maximum !== undefined) found.push("to " + schema.maximum);
  if (schema.default !== undefined && schema.default !== null) found.push("default " + schema.default);
  return found.join(", ");
}

function fieldTable(schema, spec) {
  const target = resolved(schema, spec);
  const rows = Object.entries((target && target.properties) || {}).map(([name, field]) =>
    node("tr", {},
      node("td", {}, node("code", {textContent: name})),
      node("td", {textContent: typeName(field, spec)}),
      node("td", {textContent: field.description || ""})));
  return rows.length ? node("table", {}, node("tbody", {}, ...rows)) : "";
}

function bodySchema(holder) {
  const content = (holder && holder.content) || {};
  return content["application/json"] && content["application/json"].schema;
}

function example(schema, spec) {
  const fields = Object.entries((resolved(schema, spec) || {}).properties || {});
  return Object.fromEntries(fields.map(([name, field]) => [name, (field.examples || [""])[0]]));
}

async function send(method, path, inputs, body, output) {
  const query = new URLSearchParams();
  let target = path;
  for (const {parameter, input} of inputs) {
    if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (parameter.in === "query" && input.value) query.set(parameter.name, input.value);
  }
  const headers = body ? {"Content-Type": "application/json"} : {};
  try {
    const url = target.slice(1) + (query.size ? "?" + query : "");
    const answer = await fetch(url, {method, headers, body: body ? body.value : undefined});
    const text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: as it is */ }
    output.textContent = answer.status + " " + answer.statusText + "\n" + shown;
  } catch (error) {
    output.textContent = "no answer: " + error.message;
  }
}

function callDetails(method, path, operation, spec) {
  const parameters = (operation.parameters || []).filter((each) => each.in !== "header");
  const inputs = parameters.map((parameter) => ({parameter, input: node("input", {
    placeholder: String((parameter.schema.examples || [""])[0]),
  })}));
  const rows = inputs.map(({parameter, input}) => node("tr", {},
    node("td", {}, node("code", {textContent: parameter.name})),
    node("td", {textContent: typeName(parameter.schema, spec)}),
    node("td", {textContent: [parameter.description, limits(parameter.schema)].filter(Boolean).join("; ")}),
    node("td", {}, input)));
  const asked = bodySchema(operation.requestBody);
  const body = asked && node("textarea", {value: JSON.stringify(example(asked, spec), null, 2)});
  const output = node("pre", {hidden: true});
  const streams = path === "/api/stream";
  const button = node("button", {type: "button", textContent: "Send", hidden: streams});
  button.addEventListener("click", () => {
    output.hidden = false;
    output.textContent = "…";
    send(method, path, inputs, body, output);
  });
  const answered = bodySchema(operation.responses["200"]);
  return node("details", {},
    node("summary", {},
      node("code", {textContent: method + " " + path}), " ",
      node("span", {className: "what", textContent: (operation.description || "").split("\n")[0]})),
    node("p", {textContent: operation.description || ""}),
    rows.length ? node("table", {}, node("tbody", {}, ...rows)) : "",
    body || "", button, output,
    answered ? node("p", {textContent: "Answers " + typeName(answered, spec)}) : "",
    answered ? fieldTable(answered, spec) : "");
}

async function show() {
  const about = document.getElementById("about");
  const answer = await fetch("openapi.json");
  if (!answer.ok) throw new Error(answer.status + " " + answer.statusText);
  const spec = await answer.json();
  about.textContent = spec.info.description + " Version " + spec.info.version + ".";
  const groups = new Map();
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const group = (operation.tags || ["other"])[0];
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push(callDetails(method.toUpperCase(), path, operation, spec));
    }
  }
  const calls = document.getElementById("calls");
  for (const [name, details] of groups) calls.append(node("h2", {textContent: name}), ...details);
}

show().catch((error) => {
  document.getElementById("about").textContent = "openapi.json could not be read: " + error.message;
});
