import { join } from "node:path";
import { defineConfig } from "vite";

/** The pages, into the package's `dist/console`. URLs are relative: the server says where the base is. */
export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  build: {
    outDir: join(import.meta.dirname, "..", "dist", "console"),
    emptyOutDir: true,
    target: "es2023",
    // A style or picture within the page is what its policy forbids.
    assetsInlineLimit: 0,
    cssCodeSplit: true,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: {
      // `"use client"` is for servers that render; nothing here does.
      checks: { moduleLevelDirective: false },
      input: {
        portal: join(import.meta.dirname, "portal.html"),
        operator: join(import.meta.dirname, "operator.html"),
      },
    },
  },
});
