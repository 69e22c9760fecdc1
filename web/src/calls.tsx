import { render } from "preact";
import { RecordsApi } from "./record/api";
import { RecordsPage } from "./record/RecordsPage";
import "./style/theme.css";
import "./style/record.css";

const page = document.getElementById("page");
if (!page) throw new Error("calls.html has no #page");
const id = location.pathname.replace(/^\/calls\/?/, "");
render(<RecordsPage api={new RecordsApi()} id={id} />, page);
