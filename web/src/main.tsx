import { render } from "preact";
import { readAddress } from "./call/address";
import { Call } from "./call/call";
import "./style/theme.css";
import "./style/layout.css";
import "./style/call.css";
import "./style/losses.css";
import "./style/products.css";
import { App } from "./ui/App";

const page = document.getElementById("page");
if (!page) throw new Error("index.html has no #page");
const { app, embedded } = readAddress(location.search);
render(<App call={new Call(app)} embedded={embedded} />, page);
