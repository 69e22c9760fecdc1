import { render } from "preact";
import { Call } from "./call/call";
import "./style/theme.css";
import "./style/layout.css";
import "./style/call.css";
import { App } from "./ui/App";

const page = document.getElementById("page");
if (!page) throw new Error("index.html has no #page");
render(<App call={new Call()} />, page);
