/** Where the reference and its files are. They carry no data and are served without a token, which a page cannot send. */
export const REFERENCE_PATH = "/v1/docs";

/** The interactive reference: an empty page, which swagger-ui fills from the document beside it. */
export const REFERENCE_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Farebox operator API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="docs/swagger-ui.css">
  </head>
  <body>
    <noscript>The reference needs JavaScript. The same as a document: <a href="openapi.json">openapi.json</a></noscript>
    <div id="reference"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

/**
 * Starts it. A file of its own, because the page's policy forbids scripts in the page. The token that is typed stays in the
 * page's memory, and is gone when the page is closed.
 */
export const REFERENCE_START = `SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  filter: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
`;

/**
 * Nothing but this listener is loaded or asked, and nothing that is written into the page runs. Pictures of swagger-ui are
 * data in its style sheet.
 */
export const REFERENCE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
