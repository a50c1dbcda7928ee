import { render } from "preact";
import "@huisclos/ui-kit/css/index.css";
import { askAppearance } from "@huisclos/ui-kit";
import icon from "@huisclos/ui-kit/favicon.svg";
import "./css/console.css";
import "./css/setup.css";
import "./css/rules.css";
import "./css/settings.css";
import "./css/posture.css";
import { App } from "./app.tsx";
import { watchPlace } from "./route.ts";

const link = document.createElement("link");
link.rel = "icon";
link.type = "image/svg+xml";
link.href = icon;
document.head.append(link);

watchPlace();
void askAppearance();
const root = document.getElementById("app");
if (!root) throw new Error("index.html has no #app");
render(<App />, root);
