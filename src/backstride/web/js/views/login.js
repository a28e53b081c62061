/**
 * Name and password for the broker, asked for only when it wants them.
 */

import { t } from "../i18n.js";
import { View, html, nothing } from "./base.js";

class Login extends View {
  /** @param {SubmitEvent} event */
  submit(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    this.page.logIn(String(form.get("user")), String(form.get("password")), form.get("keep") !== null);
  }

  render() {
    return html`<form class="panel login" data-testid="login" @submit=${this.submit}>
      <h2>${t("login.title")}</h2>
      <p>${t("login.why", { broker: this.page.config.url })}</p>
      ${this.page.loginRefused ? html`<p class="problem" role="alert" data-testid="login-error">${t("login.wrong")}</p>` : nothing}
      <label
        >${t("login.user")}<input
          name="user"
          autocomplete="username"
          autocapitalize="none"
          spellcheck="false"
          required
          data-testid="login-user"
      /></label>
      <label
        >${t("login.password")}<input
          name="password"
          type="password"
          autocomplete="current-password"
          data-testid="login-password"
      /></label>
      <label class="tick"
        ><input name="keep" type="checkbox" data-testid="login-keep" /><span>${t("login.keep")}</span></label
      >
      <button class="primary" data-testid="login-submit">${t("login.submit")}</button>
    </form>`;
  }
}

customElements.define("bs-login", Login);
