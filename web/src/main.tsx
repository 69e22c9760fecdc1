import { render } from "preact";
import { readAddress } from "./call/address";
import { Call } from "./call/call";
import { recalled, remember } from "./call/lastCall";
import "./style/theme.css";
import "./style/layout.css";
import "./style/call.css";
import "./style/losses.css";
import "./style/products.css";
import "./style/visit.css";
import { App } from "./ui/App";

const page = document.getElementById("page");
if (!page) throw new Error("index.html has no #page");
const { app, embedded } = readAddress(location.search);
const call = new Call(app, recalled(app));
addEventListener("pagehide", () => remember(app, call.state));
page.replaceChildren(); // what index.html shows until this script has come
render(<App call={call} embedded={embedded} />, page);
