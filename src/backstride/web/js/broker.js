/**
 * The connection to the broker: lost and found again, and nothing ever sent late.
 *
 * Every attempt is a new client with a clean session, so that no publish of an old connection is
 * ever repeated by the library; what cannot be sent now is refused, never queued. MQTT 5 first, and
 * 3.1.1 with a broker that does not speak it.
 */

import mqtt from "../vendor/mqtt/mqtt.js";
import { EXPIRY } from "./commands.js";
import { TOPICS } from "./store.js";

/** ms between attempts; the last one for ever. */
const PAUSES = [500, 1_000, 2_000, 4_000, 5_000];
/** ms for one attempt, websocket and handshake together. */
const ATTEMPT = 5_000;
/** s; a dead connection is noticed after one and a half. */
const KEEPALIVE = 10;
/** ms for the broker to acknowledge a Stop, before the connection is taken for dead. */
const STOP_ACKNOWLEDGED = 2_000;
/**
 * Bytes; the broker drops what is larger instead of sending it. All programs of a gym have a third of that, and
 * mosquitto 2.0 with websockets falls out of step after several packets of 100 kB: a stranger's would blind the page.
 */
const LARGEST = 65_536;
/** Reason codes of "bad user name or password" and "not authorized", 3.1.1 and 5. */
const LOGIN_WANTED = new Set([4, 5, 0x86, 0x87, 0x8c]);
/** Reason codes of "unsupported protocol version", 3.1.1 and 5. */
const OTHER_PROTOCOL = new Set([1, 0x84]);

/**
 * @typedef {"connecting" | "online" | "lost" | "login" | "blocked"} LinkState
 * @typedef {{user: string, password: string}} Login
 */

export class NotSentError extends Error {
  /** @param {"no_broker" | "not_allowed"} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

export class Broker {
  /** @type {any} */
  #client = null;
  /** @type {5 | 4} */
  #protocol = 5;
  #attempts = 0;
  #timer = 0;

  /**
   * @param {{url: string, prefix: string, login: ?Login,
   *   onNews: (treadmill: string, topic: string, payload: string, retained: boolean) => void,
   *   onLink: (state: LinkState, reason: ?string) => void,
   *   onForbidden: (treadmill: string) => void}} options
   */
  constructor(options) {
    this.url = options.url;
    this.prefix = options.prefix;
    this.login = options.login;
    this.onNews = options.onNews;
    this.onLink = options.onLink;
    this.onForbidden = options.onForbidden;
  }

  get connected() {
    return this.#client?.connected === true;
  }

  /** Connect now; forgets the present connection, if there is one. */
  connect() {
    this.#drop();
    if (location.protocol === "https:" && this.url.startsWith("ws:")) {
      // Browsers refuse it without a word; say what is wrong instead of trying for ever.
      this.onLink("blocked", this.url);
      return;
    }
    this.onLink("connecting", null);
    let client;
    try {
      client = mqtt.connect(this.url, this.#options());
    } catch (error) {
      this.#retry(String(error));
      return;
    }
    this.#client = client;
    this.#listen(client);
  }

  #options() {
    return {
      clientId: `backstride-page-${Math.random().toString(36).slice(2, 12)}`,
      protocolVersion: this.#protocol,
      clean: true,
      properties: this.#protocol === 5 ? { sessionExpiryInterval: 0, maximumPacketSize: LARGEST } : undefined,
      username: this.login?.user || undefined,
      password: this.login?.password || undefined,
      keepalive: KEEPALIVE,
      connectTimeout: ATTEMPT,
      reconnectPeriod: 0,
      queueQoSZero: false,
      resubscribe: false,
      // The library's own timer runs in a worker made from a Blob, which the page's CSP forbids.
      timerVariant: "native",
    };
  }

  /** @param {any} client */
  #listen(client) {
    let reason = /** @type {?string} */ (null);
    let code = /** @type {?number} */ (null);
    let opened = false;
    client.on("connect", () => {
      opened = true;
      this.#attempts = 0;
      const topics = TOPICS.map((name) => `${this.prefix}/+/${name}`);
      client.subscribe(topics, { qos: 1 }, () => this.#client === client && this.onLink("online", null));
    });
    client.on(
      "message",
      (/** @type {string} */ topic, /** @type {any} */ payload, /** @type {any} */ packet) => {
        const [treadmill, name, ...more] = topic.slice(this.prefix.length + 1).split("/");
        if (more.length === 0) this.onNews(treadmill, name, payload.toString(), packet.retain === true);
      },
    );
    client.on("error", (/** @type {any} */ error) => {
      reason = error.message;
      code = typeof error.code === "number" ? error.code : null;
    });
    client.on("close", () => {
      if (this.#client !== client) return;
      // A broker without MQTT 5 may say so, or only hang up: try the other one next.
      if (!opened && (code === null || OTHER_PROTOCOL.has(code)))
        this.#protocol = this.#protocol === 5 ? 4 : 5;
      if (code !== null && LOGIN_WANTED.has(code)) {
        this.#drop();
        this.onLink("login", reason);
      } else {
        this.#retry(reason);
      }
    });
  }

  /** @param {?string} reason */
  #retry(reason) {
    this.#drop();
    this.onLink("lost", reason);
    const pause = PAUSES[Math.min(this.#attempts, PAUSES.length - 1)];
    this.#attempts += 1;
    this.#timer = setTimeout(() => this.connect(), pause);
  }

  #drop() {
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = null;
    client?.end(true);
  }

  /** Try at once instead of waiting: the page came back to sight, or a Stop was pressed. */
  hurry() {
    if (this.#client === null) {
      this.#attempts = 0;
      this.connect();
    }
  }

  /**
   * Publish a command now or not at all.
   * @param {string} treadmill
   * @param {object} note
   * @returns {Promise<void>} when the broker has it
   * @throws {NotSentError}
   */
  async send(treadmill, note) {
    const client = this.#client;
    if (!this.connected) throw new NotSentError("no_broker");
    await this.#publish(client, treadmill, note, EXPIRY);
  }

  /**
   * Publish a Stop; a connection that does not acknowledge it is given up for a new one.
   * @param {string} treadmill
   * @param {object} note
   * @returns {boolean} whether it went out
   */
  sendStop(treadmill, note) {
    const client = this.#client;
    if (!this.connected) {
      this.hurry();
      return false;
    }
    const dead = setTimeout(() => this.#client === client && this.connect(), STOP_ACKNOWLEDGED);
    this.#publish(client, treadmill, note, null)
      .catch((error) => {
        // Any other failure shows by the daemon's silence, and the Stop is repeated.
        if (error.code === "not_allowed") this.onForbidden(treadmill);
      })
      .finally(() => clearTimeout(dead));
    return true;
  }

  /** @param {any} client @param {string} treadmill @param {object} note @param {?number} expiry */
  #publish(client, treadmill, note, expiry) {
    const properties =
      expiry !== null && client.options.protocolVersion === 5 ? { messageExpiryInterval: expiry } : undefined;
    return new Promise((resolve, reject) => {
      client.publish(
        `${this.prefix}/${treadmill}/command`,
        JSON.stringify(note),
        { qos: 1, retain: false, properties },
        (/** @type {any} */ error) =>
          error
            ? reject(new NotSentError(error.code === 0x87 ? "not_allowed" : "no_broker"))
            : resolve(undefined),
      );
    });
  }
}
