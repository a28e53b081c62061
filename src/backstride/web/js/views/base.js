/**
 * What all elements share: they render into the page itself, so that one style sheet dresses them
 * all and the page's CSP needs no exception for styles.
 */

import { LitElement } from "../../vendor/lit/lit-element.js";

export { html, nothing, svg } from "../../vendor/lit/lit-element.js";

export class View extends LitElement {
  static properties = {
    page: { attribute: false },
    sight: { attribute: false },
    /** the page's time: a new one is a reason to draw again */
    now: { attribute: false },
  };

  constructor() {
    super();
    /** @type {import("../page.js").Page} */
    this.page;
    /** @type {import("../store.js").Sight | undefined} */
    this.sight = undefined;
    this.now = 0;
  }

  createRenderRoot() {
    return this;
  }
}
