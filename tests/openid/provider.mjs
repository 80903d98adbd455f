// The OpenID provider of the tests: node provider.mjs '{"redirect_uris": […]}' prints its issuer when it listens.
// One client, one person for each name that is typed in, sign-in and consent by two forms.
import http from "node:http";
import Provider from "oidc-provider";

const { redirect_uris, client_id, client_secret } = JSON.parse(process.argv[2]);
const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id, client_secret, redirect_uris, id_token_signed_response_alg: "RS256" }],
    pkce: { required: () => true },
    claims: {
      openid: ["sub", "auth_time"],
      email: ["email", "email_verified"],
      profile: ["name"],
      groups: ["groups"],
    },
    scopes: ["openid", "email", "profile", "groups"],
    cookies: { keys: ["tests"] },
    features: { devInteractions: { enabled: true } },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        email: `${id}@corp.example`,
        email_verified: true,
        name: `Person ${id}`,
        groups: id === "root" ? ["kb-admins"] : ["kb-readers"],
      }),
    }),
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
