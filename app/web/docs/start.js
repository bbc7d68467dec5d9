SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  // Nothing is asked of anybody else, the checker of documents included.
  validatorUrl: null,
});
