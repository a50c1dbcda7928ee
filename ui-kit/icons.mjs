// The one icon set of both UIs: picks of lucide (ISC licence) turned into one inline sprite when the UIs are built.
// A page shows one with <svg><use href="#i-name"/></svg>; the names here are the only ones the Icon component accepts.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export const icons = [
  "activity", "arrow-left", "arrow-down", "arrow-up", "ban", "calendar-days", "check", "chevron-down", "chevron-left", "chevron-right", "chevron-up",
  "circle-alert", "circle-stop", "circle-user-round", "copy", "crown", "download", "ellipsis", "eye", "eye-off", "fingerprint-pattern", "hand",
  "heart", "house", "info", "keyboard", "languages", "laptop", "laugh", "layout-grid", "layout-panel-top", "link-2", "list", "lock", "lock-open",
  "log-in", "log-out", "message-square", "mic", "mic-off", "minimize-2", "monitor", "monitor-up", "monitor-x", "moon", "party-popper",
  "pencil", "phone-off", "pin", "pin-off", "plus", "printer", "refresh-cw", "scroll-text", "search", "send-horizontal", "settings-2", "shield-check", "wifi-low", "smile-plus", "sparkles", "star",
  "sun", "thumbs-up", "trash-2", "triangle-alert", "unplug", "user-plus", "users-round", "user-x", "video", "video-off", "volume-2", "wifi-off", "x",
];

const require = createRequire(import.meta.url);
const folder = join(dirname(require.resolve("lucide-static/package.json")), "icons");

// Only shape elements and their geometry pass: nothing of the files can carry a style, a script or a link.
const shape = /<(path|rect|circle|line|polyline|polygon|ellipse)\s[^<>]*\/>/g;
const attribute = /\b(d|x|y|x1|x2|y1|y2|cx|cy|r|rx|ry|width|height|points)="([-\d.a-zA-Z, ]+)"/g;

export async function symbol(name) {
  const text = await readFile(join(folder, name + ".svg"), "utf8");
  const shapes = [...text.matchAll(shape)].map(([whole, tag]) => {
    const kept = [...whole.matchAll(attribute)].map((a) => `${a[1]}="${a[2]}"`).join(" ");
    return `<${tag} ${kept}/>`;
  });
  if (shapes.length === 0) throw new Error(`icon ${name}: no shape found`);
  return `<symbol id="i-${name}" viewBox="0 0 24 24">${shapes.join("")}</symbol>`;
}

/** The sprite to stand once in the body of each page. */
export async function sprite() {
  const symbols = await Promise.all(icons.map(symbol));
  return `<svg class="sprite" aria-hidden="true" focusable="false" width="0" height="0">${symbols.join("")}</svg>`;
}
