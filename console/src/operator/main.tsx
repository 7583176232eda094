import "../design/styles.ts";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { applyTheme } from "../design/theme.tsx";
import { ROUTER_BASE } from "../session/base.ts";
import { createQueries } from "../session/session.tsx";
import { OperatorApp } from "./operator-app.tsx";

applyTheme();
const root = document.querySelector("#root");
if (root === null) throw new Error("the page has no root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={createQueries()}>
      <BrowserRouter basename={ROUTER_BASE}>
        <OperatorApp />
      </BrowserRouter>
    </QueryClientProvider>
  </StrictMode>,
);
