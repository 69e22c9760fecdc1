import { render } from "preact";
import { ChatPage } from "./chat/ChatPage";
import { Chat } from "./chat/chat";
import "./style/theme.css";
import "./style/chat.css";

const page = document.getElementById("page");
if (!page) throw new Error("chat.html has no #page");
render(<ChatPage chat={new Chat()} />, page);
