-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_federated_identities" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "user_id" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "identity_key" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "label" TEXT,
    "attributes" TEXT NOT NULL,
    "created_at" BIGINT NOT NULL,
    "last_used_at" BIGINT,
    "access_token" TEXT,
    "refresh_token" TEXT,
    "token_scope" TEXT,
    "token_expires_at" BIGINT,
    "tokens_at" BIGINT,
    "token_turn" INTEGER NOT NULL DEFAULT 0,
    "refresh_until" BIGINT,
    CONSTRAINT "federated_identities_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);
INSERT INTO "new_federated_identities" ("attributes", "created_at", "id", "identity_key", "issuer", "label", "last_used_at", "provider", "subject", "user_id") SELECT "attributes", "created_at", "id", "identity_key", "issuer", "label", "last_used_at", "provider", "subject", "user_id" FROM "federated_identities";
DROP TABLE "federated_identities";
ALTER TABLE "new_federated_identities" RENAME TO "federated_identities";
CREATE UNIQUE INDEX "federated_identities_identity_key_key" ON "federated_identities"("identity_key");
CREATE INDEX "federated_identities_user_id_idx" ON "federated_identities"("user_id");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;
