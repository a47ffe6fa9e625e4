// Who answers the page: Python in a worker of the page itself. `seqtopo play` gives out another one of these.
export default { answers: "worker", text: null, language: "spec", dims: {}, backends: [], install: "" };
