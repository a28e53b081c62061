// Judges an AsyncAPI document: node validate.mjs FILE. Prints what it found as JSON; no diagnostics: perfect.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";
import Ajv2020 from "ajv/dist/2020.js";

// The parser itself knows JSON Schema draft-07 only. For documents of version 3 it does not ask a schema
// parser to validate but only to parse, so that is where ours judges.
const ajv = new Ajv2020.default({ allErrors: true, strict: false });
const schemas = [];
const parser = new Parser();
parser.registerSchemaParser({
  getMimeTypes: () => ["application/schema+json;version=draft-2020-12"],
  validate: () => [],
  parse: ({ data, path }) => {
    const valid = ajv.validateSchema(data);
    schemas.push({ path: path.join("."), errors: valid ? [] : ajv.errors });
    return data;
  },
});

const { document, diagnostics } = await parser.parse(readFileSync(process.argv[2], "utf8"));
console.log(
  JSON.stringify({
    diagnostics: diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path })),
    schemas,
    channels: document?.channels().all().map((channel) => channel.address()) ?? [],
    operations: document?.operations().all().map((operation) => operation.id()) ?? [],
    messages: document?.messages().all().map((message) => message.id()) ?? [],
  }),
);
