// The API's page: examples with this server's own address, and what openapi.json says, as tables.

const find = (id) => document.getElementById(id);
const here = new URL(".", location.href).href;

function made(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// For pictures, or for rows of a table, where the description has an example of one.
function examples(row) {
  if (!row) {
    find("curl").textContent = `curl --data-binary @rex.jpg -H "Content-Type: image/jpeg" ${here}predict`;
    find("many").textContent = `curl -F file=@rex.jpg -F file=@tom.jpg ${here}predict`;
    find("python").textContent = `import requests

with open("rex.jpg", "rb") as file:
    answer = requests.post("${here}predict", files={"file": file}).json()
print(answer["label"], answer["score"])`;
    return;
  }
  const quoted = (value) => `'${JSON.stringify(value).replaceAll("'", "'\\''")}'`;
  const head = 'curl -H "Content-Type: application/json"';
  find("one").textContent = "A row";
  find("curl").textContent = `${head} -d ${quoted(row)} ${here}predict`;
  find("many").textContent = `${head} -d ${quoted([row, row])} ${here}predict`;
  find("python").textContent = `import json, requests

row = json.loads(${JSON.stringify(JSON.stringify(row))})
answer = requests.post("${here}predict", json=row).json()
print(answer["label"], answer["score"])`;
}

function inline(text) {
  const parts = text.split("`");
  return parts.map((part, at) => (at % 2 ? made("code", { textContent: part }) : document.createTextNode(part)));
}

function rows(caption, pairs) {
  const line = ([left, right]) => made("tr", {}, made("th", { scope: "row" }, made("code", { textContent: left })), made("td", {}, ...inline(right)));
  return made("table", {}, made("caption", { textContent: caption }), made("tbody", {}, ...pairs.map(line)));
}

const BODIES = {
  "multipart/form-data": "a form; each part named file is a picture",
  "application/json": "an object with a value for each column, or a list of such objects",
};

function operation(path, method, facts) {
  const parts = [made("p", {}, ...inline([facts.summary, facts.description].filter(Boolean).join(" ")))];
  if (facts.requestBody) {
    parts.push(rows("Takes", Object.keys(facts.requestBody.content).map((kind) => [kind, BODIES[kind] ?? "the bytes of the file"])));
  }
  parts.push(...columns(facts));
  parts.push(rows("Answers", Object.entries(facts.responses).map(([status, response]) => [status, response.description])));
  const title = made("h3", {}, made("b", { textContent: method.toUpperCase() }), ` ${path}`);
  return made("div", { className: "operation" }, title, made("div", {}, ...parts));
}

// A table's columns, which are described in the body's own schema.
function columns({ requestBody }) {
  const row = requestBody?.content["application/json"]?.schema.oneOf[0];
  return row ? [rows("Columns of a row", Object.entries(row.properties).map(([name, value]) => [name, value.description]))] : [];
}

function kind(schema) {
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.anyOf) return schema.anyOf.map(kind).join(" or ");
  if (schema.type === "array") return `list of ${kind(schema.items)}`;
  return schema.type || "anything";
}

function schema(name, facts) {
  const fields = Object.entries(facts.properties || {}).map(([field, value]) => [field, [kind(value), value.description].filter(Boolean).join(": ")]);
  return made("div", {}, made("h3", { textContent: name }), rows(facts.description || "", fields));
}

const description = await (await fetch("openapi.json")).json();
examples(description.paths["/predict"].post.requestBody.content["application/json"]?.schema.oneOf[0].examples[0]);
find("name").textContent = description.info.title;
for (const [path, methods] of Object.entries(description.paths)) {
  for (const [method, facts] of Object.entries(methods)) find("list-of-operations").append(operation(path, method, facts));
}
for (const [name, facts] of Object.entries(description.components.schemas)) find("list-of-schemas").append(schema(name, facts));
if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
