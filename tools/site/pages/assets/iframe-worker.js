// The search runs in a worker, and browsers start none for a page that is a file. There the same script runs in a frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.title = "search";
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      inside.addEventListener("message", (event) => {
        if (event.source !== inside) event.stopImmediatePropagation();
      });
      // what the script posts comes here; what it imports becomes a script of the frame, in order
      inside.postMessageHere = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      inside.document.open();
      inside.document.write(`<!doctype html><script>
        const toPage = window.postMessageHere;
        window.postMessage = (data) => toPage(data);
        window.importScripts = (...urls) => urls.reduce((before, src) => before.then(() => new Promise((done, failed) => {
          document.body.append(Object.assign(document.createElement("script"), { src, onload: done, onerror: failed }));
        })), Promise.resolve());
      <\/script><body><script src="${url}"><\/script>`);
      inside.document.close();
    }
    postMessage(data) {
      this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
    }
  };
}
