// Requests to the server, whose errors are messages for people, and the live connection.

export async function call(method, path, body) {
  const isBlob = body instanceof Blob;
  const response = await fetch(path, {
    method,
    body: body === undefined || isBlob ? body : JSON.stringify(body),
  }).catch(() => { throw new Error("The studio does not answer. Is it still running?"); });
  if (!response.ok) throw new Error(await words(response));
  return response.json();
}

export async function bytes(path) {
  const response = await fetch(path).catch(() => { throw new Error("The studio does not answer. Is it still running?"); });
  if (!response.ok) throw new Error(await words(response));
  return new Uint8Array(await response.arrayBuffer());
}

// What a button does, once at a time; a button that is disabled meanwhile would lose the keyboard.
export function whenPressed(button, work) {
  return async (event) => {
    event.preventDefault();
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    await work();
    button.ariaBusy = "false";
  };
}

async function words(response) {
  try {
    return (await response.json()).error;
  } catch {
    return `The studio answered ${response.status} ${response.statusText}.`;
  }
}

// One message, as `messages.py` packs it.
function unpack(buffer) {
  const view = new DataView(buffer);
  const end = 8 + view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, end - 8)));
  return { header, payload: new Uint8Array(buffer, end, view.getUint32(4, true)) };
}

export class Live extends EventTarget {
  constructor() {
    super();
    this.watching = null;
    this.#connect();
  }

  watch(id) {
    this.watching = id;
    this.#send({ watch: id });
  }

  #connect() {
    this.socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => {
      this.dispatchEvent(new CustomEvent("connection", { detail: { header: { open: true } } }));
      if (this.watching) this.#send({ watch: this.watching });
    };
    this.socket.onmessage = (event) => {
      const message = unpack(event.data);
      this.dispatchEvent(new CustomEvent(message.header.kind, { detail: message }));
    };
    this.socket.onclose = () => {
      this.dispatchEvent(new CustomEvent("connection", { detail: { header: { open: false } } }));
      setTimeout(() => this.#connect(), 1500);
    };
  }

  #send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}
