import { expect, test } from "vitest";
import { readAddress } from "./address";

test("the page's address says which app answers and whether the page is embedded", () => {
  expect(readAddress("")).toEqual({ app: "", embedded: false });
  expect(readAddress("?app=shop")).toEqual({ app: "shop", embedded: false });
  expect(readAddress("?embed=1&app=shop")).toEqual({ app: "shop", embedded: true });
  expect(readAddress("?embed=0")).toEqual({ app: "", embedded: false });
});
