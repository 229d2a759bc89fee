/**
 * What the server tells the page:
 *
 * - url: path of the GraphQL endpoint
 * - accounts: accounts to sign in as with one click, each { name, email, password }
 * - viewer: query answering { me: { name } | null, organization: { name } | null } for whoever is signed in
 * - tabs: what to open when nothing was opened before, each { query, variables }
 */
const config = JSON.parse(document.getElementById('config').textContent);

export default config;
