import "../design/styles.ts";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { applyTheme } from "../design/theme.tsx";
import { BASE, ROUTER_BASE } from "../session/base.ts";
import { createQueries } from "../session/session.tsx";
import { hasSignInLink } from "../session/use-sign-in-link.ts";
import { OVERVIEW } from "./overview/overview-query.ts";
import { PortalApp } from "./portal-app.tsx";

applyTheme();
const root = document.querySelector("#root");
if (root === null) throw new Error("the page has no root");
const queries = createQueries();
// Beside the session, not behind it: who comes back sees the figures a round trip earlier. A link may be another account's.
if (location.pathname === BASE && !hasSignInLink()) void queries.prefetchQuery(OVERVIEW);
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <BrowserRouter basename={ROUTER_BASE}>
        <PortalApp />
      </BrowserRouter>
    </QueryClientProvider>
  </StrictMode>,
);
