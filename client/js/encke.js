/* Encke's client as an ES module. The source is encke.global.js, which a <script> tag loads as it is; this file only gives its
 * names to `import`. */
import './encke.global.js';

export const { connect, Client, Subscription, ServerError, version } = globalThis.Encke;
export default globalThis.Encke;
