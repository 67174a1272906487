-- CreateTable
CREATE TABLE "consents" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "account_id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "payload" TEXT NOT NULL,
    "created_at" BIGINT NOT NULL,
    "updated_at" BIGINT NOT NULL,
    "ended_at" BIGINT
);

-- CreateIndex
CREATE INDEX "consents_account_id_idx" ON "consents"("account_id");

-- CreateIndex
CREATE INDEX "consents_client_id_idx" ON "consents"("client_id");
