// In a file of its own: the page's Content-Security-Policy runs no script that stands in the page.
const place = document.getElementById("docs");

SwaggerUIBundle({
  url: place.dataset.openapi,
  domNode: place,
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  // The introduction calls operations by these names.
  displayOperationId: true,
  // What each field means before a filled-in example, which is one click away; no list of all shapes at the end.
  defaultModelRendering: "model",
  defaultModelExpandDepth: 2,
  defaultModelsExpandDepth: 0,
  persistAuthorization: place.dataset.persistAuthorization === "true",
  presets: [SwaggerUIBundle.presets.apis],
  // The validator badge would send the document to a server on the internet.
  validatorUrl: null,
});
