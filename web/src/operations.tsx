import { render } from "preact";
import { OperationsApi } from "./operations/api";
import { OperationsPage } from "./operations/OperationsPage";
import "./style/theme.css";
import "./style/record.css";
import "./style/operations.css";

const page = document.getElementById("page");
if (!page) throw new Error("operations.html has no #page");
render(<OperationsPage api={new OperationsApi(sessionStorage)} />, page);
