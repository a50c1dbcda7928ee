// The lint rules themselves: each of these lines must be refused, and the harmless ones beside them not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ESLint } from 'eslint';

const refused = {
  'innerHTML': 'export const f = (x: Element) => { x.innerHTML = "a"; };',
  'outerHTML': 'export const f = (x: Element) => { x.outerHTML = "a"; };',
  'srcdoc': 'export const f = (x: HTMLIFrameElement) => { x.srcdoc = "a"; };',
  'insertAdjacentHTML': 'export const f = (x: Element) => x.insertAdjacentHTML("beforeend", "a");',
  'document.write': 'export const f = () => document.write("a");',
  'dangerouslySetInnerHTML': 'export const f = () => <p dangerouslySetInnerHTML={{ __html: "a" }} />;',
  'dangerouslySetInnerHTML by name': 'export const f = { dangerouslySetInnerHTML: { __html: "a" } };',
  'inline style': 'export const f = () => <p style="color: red" />;',
  'eval': 'export const f = () => eval("1");',
  'new Function': 'export const f = new Function("return 1");',
  'transform = null': 'export const f = (s: RTCRtpSender) => { s.transform = null; };',
  'transform = undefined': 'export const f = (s: { transform?: unknown }) => { s.transform = undefined; };',
  'transform by computed name': 'export const f = (s: RTCRtpSender) => { s["transform"] = null; };',
  'any': 'export const f = (x: any) => x as string;',
};
const allowed = {
  'textContent': 'export const f = (x: Element) => { x.textContent = "a"; };',
  'style object': 'export const f = () => <p style={{ "--size": 3 }} />;',
  'a transform': 'export const f = (s: RTCRtpSender, w: Worker) => { s.transform = new RTCRtpScriptTransform(w, {}); };',
};

const eslint = new ESLint();
const errors = async (text) => (await eslint.lintText(text, { filePath: 'meeting-ui/src/probe.tsx' }))[0].errorCount;

for (const [name, text] of Object.entries(refused)) test(`refused: ${name}`, async () => assert.ok(await errors(text) > 0));
for (const [name, text] of Object.entries(allowed)) test(`allowed: ${name}`, async () => assert.equal(await errors(text), 0));
